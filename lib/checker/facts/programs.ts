import { objectId } from '../object/object-id';
import { containerJobs } from './container-program';
import type { DeclaredPrograms } from './declared-program';
import type { Job } from './job';
import type { ManifestIndex } from './manifest-index';
import { namedPrograms } from './named-program';
import { applicationJob } from './spark-application';

/** Every Spark program among the manifests, and every Python program whose code they hold. What is declared is taken as it is. */
export function programsIn(model: ManifestIndex, declared: DeclaredPrograms = new Map()): Job[] {
  const run = [
    ...model.objects.flatMap(object => applicationJob(model, object, declared.get(objectId(object)))),
    ...model.templates.flatMap(template =>
      containerJobs(model, template, declared.get(objectId(template.object))),
    ),
  ];
  return [...run, ...namedPrograms(model, run)];
}
