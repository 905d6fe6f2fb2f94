import { containerJobs } from './container-program';
import type { Job } from './job';
import type { ManifestIndex } from './manifest-index';
import { applicationJob } from './spark-application';

/** Every Spark program among the manifests, and every Python program whose code they hold. */
export function programsIn(model: ManifestIndex): Job[] {
  return [
    ...model.objects.flatMap(object => applicationJob(model, object)),
    ...model.templates.flatMap(template => containerJobs(model, template)),
  ];
}
