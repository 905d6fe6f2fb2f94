import type { k8s } from 'cdk8s-plus-28';

/** A user that no image has, above the range that nodes use for their own. */
const UNPRIVILEGED = 10001;

/**
 * A pod that the Pod Security standard `restricted` admits: a user that is not root, the runtime's seccomp
 * profile, and volumes that its group can write.
 */
export function restrictedPod(user: number = UNPRIVILEGED): k8s.PodSecurityContext {
  return {
    runAsNonRoot: true,
    runAsUser: user,
    runAsGroup: user,
    fsGroup: user,
    fsGroupChangePolicy: 'OnRootMismatch',
    seccompProfile: { type: 'RuntimeDefault' },
  };
}

/** A container without privileges on a root file system that it cannot write. */
export const restrictedContainer = {
  allowPrivilegeEscalation: false,
  capabilities: { drop: ['ALL'] },
  privileged: false,
  readOnlyRootFilesystem: true,
  runAsNonRoot: true,
  seccompProfile: { type: 'RuntimeDefault' },
} as const satisfies k8s.SecurityContext;

/** An emptyDir for a folder that a program writes in, with the most that it may hold. */
export function scratchVolume(name: string, sizeLimit: k8s.Quantity): k8s.Volume {
  return { name, emptyDir: { sizeLimit } };
}
