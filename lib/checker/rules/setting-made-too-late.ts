import type { Job } from '../facts/job';
import type { Rule } from '../facts/rule';
import type { Found } from '../finding/finding';
import { measured, say } from '../finding/message';
import { knownText } from '../python/values';

/** What spark-submit goes by before the program's first line runs. */
const RESOLVED = ['spark.jars.packages', 'spark.jars.ivy', 'spark.jars.excludes', 'spark.jars.repositories'];
/** A session hands these to executors, and to its own class loader in some releases alone. */
const JARS = 'spark.jars';

/** The code asks for a package, and the process that resolves packages has long done so. */
export const settingMadeTooLate: Rule = {
  id: 'setting-made-too-late',
  level: 'warning',
  needs: ['course', 'setting'],
  refuses: 'packages, jars or an Ivy directory that only the code of a submitted program sets',
  remedy: 'set it in sparkConf or deps of the application, or as --conf of spark-submit',
  check: model =>
    model.jobs.flatMap((job): Found[] => {
      const { code, object, name, isSubmitted } = job;
      if (code === undefined || !isSubmitted) return [];
      return code.facts.conf.flatMap(({ key, setting }): Found[] => {
        if ((!RESOLVED.includes(key) && key !== JARS) || isThere(job, key, knownText(setting.value)))
          return [];
        return [
          {
            place: code.placeOf(setting.value, setting.at),
            message:
              key === JARS
                ? say`${name} sets ${measured(key)} in its code alone, when its driver runs already: executors get the jars, and the driver's own class path in some releases alone`
                : say`${name} sets ${measured(key)} in its code alone, where it does nothing: spark-submit resolves packages before the program starts`,
            concerns: [object],
          },
        ];
      });
    }),
};

/** Whether the manifest says it as well. What is not known may be what it says. */
function isThere(
  { packages, submittedJars, submitted }: Job,
  key: string,
  value: string | undefined,
): boolean {
  if (value === undefined) return true;
  const items = value.split(',').map(item => item.trim());
  const given = (key === JARS ? submittedJars : packages).map(item => artifactOf(item.value));
  if (key === JARS || key === 'spark.jars.packages')
    return items.every(item => item === '' || given.includes(artifactOf(item)));
  return submitted.has(key);
}

/** Another version of a package is still the package that the manifest brings. */
function artifactOf(item: string): string {
  const [group, artifact] = item.split(':');
  return artifact === undefined || item.includes('/')
    ? item.slice(item.lastIndexOf('/') + 1)
    : `${group}:${artifact}`;
}
