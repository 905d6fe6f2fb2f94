import { type Checkpoint, checkpointsOf, defaultCheckpoint } from '../facts/checkpoints';
import type { Job, Mount } from '../facts/job';
import { holding, localPath } from '../facts/local-path';
import type { Model } from '../facts/model';
import type { Rule } from '../facts/rule';
import type { Found } from '../finding/finding';
import { measured, quote, say } from '../finding/message';
import { asObject, at, listItems, type ManifestObject } from '../object/manifest-object';

/** Incident 2: a checkpoint on a ReadWriteOnce volume cannot follow its pod to another node. */
export const checkpointOnVolume: Rule = {
  id: 'checkpoint-on-volume',
  level: 'error',
  needs: ['course', 'checkpoint-root'],
  refuses: 'a checkpoint on a local path or a volume, for a job whose pods can move',
  remedy: 'put the checkpoint on the object store, e.g. s3a://gold/checkpoints/<job>',
  check: model =>
    model.jobs.flatMap(job => {
      const fallback = defaultCheckpoint(job);
      const own = checkpointsOf(job);
      const needsDefault = (job.code?.facts.sinks ?? []).some(
        sink => sink.isStream && !sink.options.has('checkpointlocation') && !sink.hasOpenOptions,
      );
      return [...own, ...(fallback !== undefined && needsDefault ? [fallback] : [])].flatMap(item =>
        finding(model, item),
      );
    }),
};

function finding(model: Model, checkpoint: Checkpoint): Found[] {
  const { job, prefix, shown, place } = checkpoint;
  const path = localPath(job, prefix);
  if (path === undefined) return [];
  const driver = holding(job.driverMounts, path);
  const executor = holding(job.executorMounts, path);
  const isEverywhere = job.isLocal || (executor !== undefined && claimName(executor) === claimName(driver));
  const storage = driver === undefined ? 'a local path of its pod' : describe(model, job.object, driver);
  if (driver !== undefined && isEverywhere && canFollow(model, job, driver)) return [];
  return [
    {
      place: place,
      message: say`checkpoint ${measured(shown, quote)} of ${job.name} is on ${storage}, which does not follow the job's pods to another node`,
      concerns: [job.object],
    },
  ];
}

function claimName(mount: Mount | undefined): unknown {
  return at(mount?.volume, 'persistentVolumeClaim', 'claimName');
}

/** A volume that any node can mount, or, for a process that is alone, one that follows it. */
function canFollow(model: Model, job: Job, mount: Mount): boolean {
  if (mount.volume?.['nfs'] !== undefined || mount.volume?.['csi'] !== undefined) return true;
  const name = claimName(mount);
  if (typeof name !== 'string') return false;
  if (job.isLocal) return true;
  const claim = model.find('PersistentVolumeClaim', job.object, name);
  return claim === undefined
    ? false
    : listItems(at(claim.body, 'spec', 'accessModes')).some(([mode]) => mode === 'ReadWriteMany');
}

function describe(model: Model, object: ManifestObject, { volume }: Mount): string {
  const name = at(volume, 'persistentVolumeClaim', 'claimName');
  if (typeof name === 'string') {
    const claim = model.find('PersistentVolumeClaim', object, name);
    const modes =
      claim === undefined
        ? []
        : listItems(at(claim.body, 'spec', 'accessModes')).map(([mode]) => String(mode));
    return `volume claim ${name}${modes.length === 0 ? '' : ` (${modes.join(', ')})`}`;
  }
  const kind = Object.keys(asObject(volume)).find(key => key !== 'name');
  return kind === 'hostPath'
    ? "the node's own disk"
    : kind === 'emptyDir'
      ? 'an emptyDir that dies with its pod'
      : 'a local path of its pod';
}
