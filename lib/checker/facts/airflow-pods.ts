import type { DeclaredContainer, PodTemplate } from '../manifest/pod-template';
import { asObject, type ManifestObject } from '../object/manifest-object';
import { bodiesOf, childrenOf, expressionsOf } from '../python/names';
import type { Expression, Statement } from '../python/syntax';
import { parsedModule } from './parsed-module';

type Call = Extract<Expression, { kind: 'call' }>;

/** The pods that DAGs of Airflow in ConfigMaps start for Spark: KubernetesPodOperator with what is written out in it. */
export function airflowTemplates(objects: readonly ManifestObject[]): PodTemplate[] {
  return objects.flatMap(object =>
    object.kind !== 'ConfigMap'
      ? []
      : Object.entries(asObject(object.body['data'])).flatMap(([key, text]) =>
          key.endsWith('.py') && typeof text === 'string' && text.includes('KubernetesPodOperator')
            ? podsOf(object, key, text)
            : [],
        ),
  );
}

function podsOf(object: ManifestObject, key: string, text: string): PodTemplate[] {
  const path = ['data', key];
  return callsIn(parsedModule(text).body)
    .filter(({ callee }) => nameOf(callee) === 'KubernetesPodOperator')
    .flatMap((call): PodTemplate[] => {
      const image = textOf(argument(call, 'image'));
      const command = wordsOf(argument(call, 'cmds'));
      const args = wordsOf(argument(call, 'arguments'));
      if (![...command, ...args].some(word => /(^|[\s/])spark-submit\b/.test(word))) return [];
      const container = {
        name: textOf(argument(call, 'task_id')) ?? 'base',
        ...(image === undefined ? {} : { image }),
        command,
        args,
        env: variablesOf(argument(call, 'env_vars')),
        resources: resourcesOf(argument(call, 'container_resources')),
      };
      const account = textOf(argument(call, 'service_account_name'));
      const containers: DeclaredContainer[] = [{ container, role: 'container', path }];
      return [
        { object, path, containers, spec: account === undefined ? {} : { serviceAccountName: account } },
      ];
    });
}

function callsIn(statements: readonly Statement[]): Call[] {
  const inside = (node: Expression): Call[] => [
    ...(node.kind === 'call' ? [node] : []),
    ...childrenOf(node).flatMap(inside),
  ];
  return statements.flatMap(statement => [
    ...expressionsOf(statement).flatMap(inside),
    ...bodiesOf(statement).flatMap(callsIn),
  ]);
}

function nameOf(callee: Expression): string {
  return callee.kind === 'attribute' ? callee.name : callee.kind === 'name' ? callee.id : '';
}

function argument({ args }: Call, name: string): Expression | undefined {
  return args.find(item => item.name === name)?.value;
}

function textOf(node: Expression | undefined): string | undefined {
  if (node?.kind === 'number') return String(node.value);
  if (node?.kind !== 'string' || !node.parts.every(part => typeof part === 'string')) return undefined;
  return node.parts.join('');
}

function wordsOf(node: Expression | undefined): string[] {
  return node?.kind === 'list' || node?.kind === 'tuple'
    ? node.items.flatMap(item => textOf(item) ?? [])
    : [];
}

/** The entries of a dictionary that are written out. */
function entriesOf(node: Expression | undefined): Record<string, string> {
  if (node?.kind !== 'dict') return {};
  return Object.fromEntries(
    node.entries.flatMap(({ key, value }) => {
      const [name, text] = [textOf(key), textOf(value)];
      return name === undefined || text === undefined ? [] : [[name, text]];
    }),
  );
}

/** A dictionary, or a list of V1EnvVar. */
function variablesOf(node: Expression | undefined): { name: string; value: string }[] {
  if (node?.kind !== 'list') return Object.entries(entriesOf(node)).map(([name, value]) => ({ name, value }));
  return node.items.flatMap(item => {
    if (item.kind !== 'call') return [];
    const [name, value] = [textOf(argument(item, 'name')), textOf(argument(item, 'value'))];
    return name === undefined || value === undefined ? [] : [{ name, value }];
  });
}

/** What V1ResourceRequirements states; what is not written out there is taken for stated. */
function resourcesOf(node: Expression | undefined): Record<string, unknown> {
  if (node === undefined) return {};
  const isWritten = node.kind === 'call' && nameOf(node.callee) === 'V1ResourceRequirements';
  const [limits, requests] = isWritten ? [argument(node, 'limits'), argument(node, 'requests')] : [];
  const isLiteral = (part: Expression | undefined) => part === undefined || part.kind === 'dict';
  if (!isWritten || !isLiteral(limits) || !isLiteral(requests))
    return { limits: { cpu: '1', memory: '1Gi' } };
  return { limits: entriesOf(limits), requests: entriesOf(requests) };
}
