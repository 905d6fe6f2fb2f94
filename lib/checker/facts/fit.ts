import { checkFit, type FitCheck, type FitViolation } from '../capacity/check-fit';
import { clusterServices } from '../capacity/cluster-services';
import type { Finding, Place } from '../finding/rule';
import { asObject, type ManifestObject } from '../manifest/model';
import { declaredContainers, podTemplates, sparkSpec } from '../manifest/pod-templates';
import { expandPods } from '../manifest/pods';
import { cpuMillis } from '../manifest/quantity';
import type { Model } from './model';

/** The add-ons that every EKS cluster runs; what else runs beside the files is unknown. */
const ADD_ONS = clusterServices.filter(({ namespace }) => namespace === 'kube-system');

const results = new WeakMap<Model, FitCheck>();

/** The fit of a model's pods on its nodes, computed once. */
export function fitOf(model: Model): FitCheck {
  const known = results.get(model);
  if (known !== undefined) return known;
  const result = compute(model);
  results.set(model, result);
  return result;
}

function compute(model: Model): FitCheck {
  const { nodes } = model;
  if (nodes === undefined || expandPods(model.objects).length === 0)
    return { violations: [], witnesses: [], undecided: [] };
  const result = checkFit(model.objects, nodes.list, { services: ADD_ONS });
  if (nodes.areDescribed) return result;
  // The labels of nodes that nobody described are unknown: pods that select some are left out.
  const selecting = new Set(
    result.violations
      .filter(({ message }) => message.includes('selects no node'))
      .map(({ object }) => object),
  );
  if (selecting.size === 0) return result;
  return checkFit(
    model.objects.filter(object => !selecting.has(object)),
    nodes.list,
    { services: ADD_ONS },
  );
}

/** The findings of one of the two fit rules. */
export function fitFindings(model: Model, rule: FitViolation['rule']): Finding[] {
  return fitOf(model)
    .violations.filter(violation => violation.rule === rule)
    .flatMap(({ object, message, remedy }) => {
      const owner = object ?? heaviest(model);
      if (owner === undefined) return [];
      const text = message.replace(/^\[[^\]]*\] /, '');
      return [{ at: placeOf(owner, message), message: text, remedy: inFields(remedy) }];
    });
}

/** A remedy in the fields of a SparkApplication, where the engine names the props of a job. */
function inFields(remedy: string): string {
  return remedy.replace(/\b(driver|executor)\.cpu\.request\b/, '$1.coreRequest');
}

/** Where the figure stands that the message is about. */
function placeOf(object: ManifestObject, message: string): Place {
  const application = sparkSpec(object);
  if (application !== undefined) {
    const part = message.includes('driver') && !message.includes('executor') ? 'driver' : 'executor';
    const pod = asObject(application.spec[part]);
    const key = /\bmemory\b/.test(message.split(' but ')[0] ?? '')
      ? 'memory'
      : ['coreRequest', 'cores'].find(name => pod[name] !== undefined);
    return {
      object,
      path: [...application.path, part, ...(key === undefined || pod[key] === undefined ? [] : [key])],
    };
  }
  const [template] = podTemplates([object]);
  const [container] = template === undefined ? [] : declaredContainers(template);
  return { object, path: container === undefined ? [] : [...container.path, 'resources', 'requests'] };
}

/** The workload that asks for the most CPU: where to look first when the whole set is too large. */
function heaviest(model: Model): ManifestObject | undefined {
  let best: { object: ManifestObject; millis: number } | undefined;
  for (const { owner, pod, replicas } of expandPods(model.objects)) {
    const each = pod.spec.containers.reduce(
      (sum, { resources }) => sum + millisOf(resources.requests['cpu']),
      0,
    );
    const millis = each * (Number.isFinite(replicas.max) ? replicas.max : replicas.initial);
    if (best === undefined || millis > best.millis) best = { object: owner, millis };
  }
  return best?.object;
}

function millisOf(quantity: unknown): number {
  try {
    return quantity === undefined ? 0 : cpuMillis(quantity);
  } catch {
    return 0;
  }
}
