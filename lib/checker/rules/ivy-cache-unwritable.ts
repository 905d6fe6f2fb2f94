import type { Job, Mount } from '../facts/job';
import type { Rule } from '../facts/rule';
import { isStockImage } from '../facts/spark-version';
import type { Found } from '../finding/finding';
import { listed, measured, quote, say } from '../finding/message';
import { asObject, at } from '../object/manifest-object';

/** Volume kinds into which no process can write. */
const READ_ONLY_VOLUMES = ['configMap', 'secret', 'projected', 'downwardAPI'];

/** Incidents 3 and 9: packages were resolved at start into a home directory that is not writable. */
export const ivyCacheUnwritable: Rule = {
  id: 'ivy-cache-unwritable',
  level: 'error',
  needs: ['setting'],
  refuses: 'packages that are resolved at start without a writable Ivy directory',
  remedy: 'set spark.jars.ivy to a writable directory, e.g. /tmp/.ivy2',
  check: model => model.jobs.flatMap(job => (job.packages.length === 0 ? [] : finding(job))),
};

function finding(job: Job): Found[] {
  const [first] = job.packages;
  const place = first?.place ?? { object: job.object, path: job.path };
  const what = `${job.name} resolves ${job.packages.length === 1 ? `package ${first?.value}` : `${job.packages.length} packages`} at start`;
  // What resolves before the program starts cannot know what its code sets.
  const conf = job.isSubmitted ? job.submitted : job.conf;
  const ivy = conf.get('spark.jars.ivy');
  if (ivy !== undefined) {
    const reason = unwritable(job, ivy.value);
    return reason === undefined
      ? []
      : [
          {
            place: ivy.place,
            message: say`${what} into ${measured(ivy.value, quote)}, ${reason}`,
            concerns: [job.object],
          },
        ];
  }
  if (conf.has('spark.jars.ivySettings')) return [];
  if (job.kind === 'application') {
    // The operator submits in its own pod, whose root file system is read-only but for /tmp; then the driver resolves
    // again. Only a setting of the application reaches both: user.home and HOME of the driver do not.
    return [
      {
        place,
        message: say`${what} into ~/.ivy2, which neither the operator's pod, where the application is submitted, nor the driver's image can write`,
        remedy: say`set spark.jars.ivy in sparkConf to a directory that both can write: /tmp/.ivy2`,
        concerns: [job.object],
      },
    ];
  }
  if (isRoot(job) || redirectsHome(job)) return [];
  const isReadOnly = at(job.driver, 'securityContext', 'readOnlyRootFilesystem') === true;
  const home = job.driverVariables.get('HOME');
  if (typeof home === 'string') {
    const reason = unwritable(job, `${home.replace(/\/$/, '')}/.ivy2`);
    if (reason === undefined) return [];
    return [{ place, message: say`${what} into ${home}/.ivy2, ${reason}`, concerns: [job.object] }];
  }
  if (job.image === undefined || (!isStockImage(job.image.value) && !isReadOnly)) return [];
  return [
    {
      place,
      message: say`${what} into ~/.ivy2, which the user of image ${measured(job.image.value, quote)} cannot write`,
      remedy: job.isSubmitted
        ? say`pass --conf spark.jars.ivy=/tmp/.ivy2`
        : say`add .config("spark.jars.ivy", "/tmp/.ivy2") where the session is built`,
      concerns: [job.object],
    },
  ];
}

/** Why the driver cannot write to a directory; undefined when it can, or when nobody knows. */
function unwritable(job: Job, directory: string): string | undefined {
  if (!directory.startsWith('/')) return undefined;
  const mount = holding(job.driverMounts, directory);
  if (mount !== undefined) {
    const kind = READ_ONLY_VOLUMES.find(name => asObject(mount.volume)[name] !== undefined);
    if (kind !== undefined) return `which is a ${kind} volume and cannot be written`;
    return mount.readOnly ? `which is mounted read-only at ${mount.path}` : undefined;
  }
  const isReadOnly = at(job.driver, 'securityContext', 'readOnlyRootFilesystem') === true;
  if (isReadOnly) {
    const writable = job.driverMounts
      .filter(
        ({ readOnly, volume }) =>
          !readOnly && !READ_ONLY_VOLUMES.some(name => asObject(volume)[name] !== undefined),
      )
      .map(({ path }) => path);
    return `but the driver's root file system is read-only${writable.length === 0 ? ' and no writable volume is mounted' : `; writable are ${listed(writable)}`}`;
  }
  // Folders of the image that belong to root, in an image whose user is another one.
  const isRootsOwn = /^\/(root|home|opt|usr|etc|var\/lib|nonexistent)(\/|$)/.test(directory);
  return isRootsOwn &&
    job.image !== undefined &&
    isStockImage(job.image.value) &&
    !isRoot(job) &&
    !directory.startsWith('/opt/spark/work-dir')
    ? `which the user of image ${quote(job.image.value)} cannot write`
    : undefined;
}

function holding(mounts: readonly Mount[], path: string): Mount | undefined {
  return mounts
    .filter(mount => path === mount.path || path.startsWith(`${mount.path}/`))
    .sort((left, right) => right.path.length - left.path.length)[0];
}

function isRoot({ driver }: Job): boolean {
  return (at(driver, 'securityContext', 'runAsUser') ?? at(driver, 'podSecurityContext', 'runAsUser')) === 0;
}

/** In a container that submits for itself, options of its JVM and shell reach the process that resolves. */
function redirectsHome(job: Job): boolean {
  const options = [
    job.driverVariables.get('SPARK_SUBMIT_OPTS'),
    job.conf.get('spark.driver.extraJavaOptions')?.value,
  ];
  return options.some(option =>
    /-D(ivy\.(home|cache\.dir|default\.ivy\.user\.dir)|user\.home)=\S+/.test(option ?? ''),
  );
}
