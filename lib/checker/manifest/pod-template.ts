import type { ManifestObject, PlainObject } from '../object/manifest-object';

/** A pod spec as somebody wrote it, and where it stands in its object. */
export interface PodTemplate {
  readonly object: ManifestObject;
  /** From the object's root to the pod spec. */
  readonly path: readonly (string | number)[];
  readonly spec: PlainObject;
  /** The containers, where they do not stand in `spec.containers`. */
  readonly containers?: readonly DeclaredContainer[];
}

export interface DeclaredContainer {
  readonly container: PlainObject;
  /** 'container', 'init container', or 'sidecar' (an init container that restarts). */
  readonly role: 'container' | 'init container' | 'sidecar';
  readonly path: readonly (string | number)[];
}
