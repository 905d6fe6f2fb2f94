import { codeCredentials } from '../facts/code-credentials';
import { credentialForms, credentialSettings, isCredentialName, isLiteral } from '../facts/credentials';
import { type PythonModule, pythonModules } from '../facts/python-modules';
import type { Rule } from '../facts/rule';
import type { Found } from '../finding/finding';
import { measured, type Path, quote, say } from '../finding/message';
import { isClickHouse, isTenant } from '../manifest/operated';
import { declaredContainers, environment, sparkSpec } from '../manifest/pod-templates';
import {
  asObject,
  asObjects,
  at,
  listItems,
  type ManifestObject,
  type PlainObject,
} from '../object/manifest-object';

/** A literal in a manifest is in the repository, in every copy of it, and in the cluster for whoever may read. */
export const plaintextSecret: Rule = {
  id: 'plaintext-secret',
  level: 'error',
  needs: ['pods', 'text'],
  refuses:
    'a credential as a literal in env, conf, ConfigMap or code; a webhook URL with a token is a warning',
  remedy: 'keep it in a Secret and refer to it, e.g. env.valueFrom.secretKeyRef',
  check: model => [
    ...model.templates.flatMap(template =>
      declaredContainers(template).flatMap(({ container, path }) =>
        ofContainer(template.object, container, path, `container ${String(container['name'])}`),
      ),
    ),
    // Who debugs a pod writes into it too.
    ...model.templates.flatMap(({ object, path, spec }) =>
      asObjects(spec['ephemeralContainers']).flatMap((container, index) =>
        ofContainer(
          object,
          container,
          [...path, 'ephemeralContainers', index],
          `ephemeral container ${String(container['name'])}`,
        ),
      ),
    ),
    ...model.objects.flatMap(ofSparkApplication),
    ...model.objects.filter(isClickHouse).flatMap(ofClickHouse),
    ...model.objects
      .filter(isTenant)
      .flatMap(object => ofContainer(object, asObject(object.body['spec']), ['spec'], 'Tenant')),
    ...model.ofKind('ConfigMap').flatMap(ofConfigMap),
    ...pythonModules(model).flatMap(ofPython),
  ],
};

function ofContainer(object: ManifestObject, container: PlainObject, path: Path, owner: string): Found[] {
  const words = ['command', 'args'].flatMap(key =>
    listItems(container[key]).flatMap(([word, index]): Found[] => {
      if (typeof word !== 'string') return [];
      const place = [...path, key, index];
      const flag = index === 0 ? undefined : (container[key] as unknown[])[index - 1];
      return typeof flag === 'string' && CREDENTIAL_FLAG.test(flag) && isFlagValue(word)
        ? [literalArgument(object, place, owner, flag)]
        : ofArgument(object, word, place, owner);
    }),
  );
  const variables = environment(container).flatMap(({ name, value, index }): Found[] => {
    if (value === undefined) return [];
    const place = { object, path: [...path, 'env', index, 'value'] };
    if (isCredentialName(name) && isLiteral(value)) {
      return [{ place, message: say`${owner} gets ${measured(name)} as a literal` }];
    }
    return ofForms(object, value, place.path, `${owner}'s variable ${name}`);
  });
  return [...variables, ...words];
}

/** Flags whose next word is a credential. */
const CREDENTIAL_FLAG =
  /^--?(?!-|(?:no|ask|prompt|require|use|enable|disable|show|generate|reset)-)[a-z-]*(password|passwd|passphrase|secret-?key|api-?key)$/i;

function isFlagValue(word: string): boolean {
  return !word.startsWith('-') && isLiteral(word);
}

function literalArgument(
  object: ManifestObject,
  path: Path,
  owner: string,
  flag: string,
  innerLine?: number,
): Found {
  return {
    place: { object, path, ...(innerLine === undefined ? {} : { innerLine }) },
    message: say`${owner} gives ${measured(flag.replace(/^-+/, ''))} as a literal on its command line`,
  };
}

/** `--password=x`, `--password x`, `--conf spark.hadoop.fs.s3a.secret.key=x` and shell assignments inside a script. */
function ofArgument(object: ManifestObject, word: string, path: Path, owner: string): Found[] {
  const lines = word.split('\n');
  const settings = lines.flatMap((line, innerLine) => [
    ...[...line.matchAll(/(?:^|\s)(--?[\w-]+)\s+["']?([^\s"';\\|&]+)/g)].flatMap(
      ([, flag = '', value = '']) =>
        CREDENTIAL_FLAG.test(flag) && isFlagValue(value)
          ? [literalArgument(object, path, owner, flag, innerLine)]
          : [],
    ),
    ...[
      ...line.matchAll(
        /(?:^|[\s"'])(?:--?|export\s+)?([A-Za-z][\w.-]*)=(?:"([^"]*)"|'([^']*)'|([^\s"';\\]+))/g,
      ),
    ].flatMap(([, name = '', ...values]): Found[] => {
      const value = values.find(item => item !== undefined) ?? '';
      return isCredentialName(name) && isLiteral(value)
        ? [literalArgument(object, path, owner, name, innerLine)]
        : [];
    }),
  ]);
  return settings.length > 0 ? settings : ofForms(object, word, path, `${owner}'s command line`);
}

function ofForms(object: ManifestObject, text: string, path: Path, owner: string): Found[] {
  return credentialForms(text).map(({ what, level, innerLine }) => ({
    place: { object, path, innerLine },
    message: say`${owner} holds ${measured(what)}`,
    level,
  }));
}

function ofSparkApplication(object: ManifestObject): Found[] {
  const application = sparkSpec(object);
  if (application === undefined) return [];
  const { spec, path } = application;
  const conf = (['sparkConf', 'hadoopConf'] as const).flatMap(key =>
    Object.entries(asObject(spec[key])).flatMap(([name, value]): Found[] => {
      const place = { object, path: [...path, key, name] };
      if (isCredentialName(name) && isLiteral(String(value))) {
        return [
          {
            place,
            message: say`${key} gives ${measured(name)} as a literal`,
            remedy: say`keep it in a Secret and hand it over as a variable: driver.env and executor.env with valueFrom.secretKeyRef (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY)`,
          },
        ];
      }
      return ofForms(object, String(value), place.path, `${key} ${name}`);
    }),
  );
  const parts = (['driver', 'executor'] as const).flatMap(part => {
    const pod = asObject(spec[part]);
    const own = ofContainer(object, { env: pod['env'] }, [...path, part], part);
    const map = Object.entries(asObject(pod['envVars'])).flatMap(([name, value]): Found[] =>
      isCredentialName(name) && isLiteral(String(value))
        ? [
            {
              place: { object, path: [...path, part, 'envVars', name] },
              message: say`${part} gets ${measured(name)} as a literal`,
            },
          ]
        : [],
    );
    const beside = ['initContainers', 'sidecars'].flatMap(key =>
      asObjects(pod[key]).flatMap((container, index) =>
        ofContainer(
          object,
          container,
          [...path, part, key, index],
          `${part} container ${String(container['name'])}`,
        ),
      ),
    );
    return [...own, ...map, ...beside];
  });
  const words = (Array.isArray(spec['arguments']) ? (spec['arguments'] as unknown[]) : []).flatMap(
    (word, index) =>
      typeof word === 'string'
        ? ofArgument(object, word, [...path, 'arguments', index], 'the application')
        : [],
  );
  return [...conf, ...parts, ...words];
}

function ofPython({ shown, text, module, place }: PythonModule): Found[] {
  const literals = codeCredentials(module).map(({ name, offset }) => ({
    line: module.lineOf(offset),
    message: say`${shown} gives ${measured(name, quote)} as a literal`,
    remedy: say`keep it in a Secret and read it from the environment, without a default`,
  }));
  const lines = new Set(literals.map(({ line }) => line));
  return [
    ...literals.map(({ line, message, remedy }) => ({ place: place(line), message, remedy })),
    ...credentialForms(text)
      .filter(({ innerLine }) => !lines.has(innerLine))
      .map(({ what, level, innerLine }) => ({
        place: place(innerLine),
        message: say`${shown} holds ${measured(what)}`,
        level,
      })),
  ];
}

/** The users of a ClickHouse, `name/password`, and the texts of its configuration files. */
function ofClickHouse(object: ManifestObject): Found[] {
  return (['users', 'profiles', 'settings', 'files'] as const).flatMap(part =>
    Object.entries(asObject(at(object.body, 'spec', 'configuration', part))).flatMap(
      ([key, value]): Found[] => {
        if (typeof value !== 'string' && typeof value !== 'number') return [];
        const place = { object, path: ['spec', 'configuration', part, key] };
        const name = key.slice(key.lastIndexOf('/') + 1);
        if (isCredentialName(name) && !name.startsWith('k8s_secret') && isLiteral(String(value))) {
          return [
            {
              place,
              message: say`${part} of ${object.metadata.name} gives ${measured(key)} as a literal`,
              remedy: say`keep it in a Secret and refer to it with ${key.replace(/[^/]*$/, '')}k8s_secret_password: namespace/name/key`,
            },
          ];
        }
        return credentialSettings(String(value)).map(({ name: setting, innerLine }) => ({
          place: { ...place, innerLine },
          message: say`${key} of ${object.metadata.name} gives ${measured(setting, quote)} as a literal`,
        }));
      },
    ),
  );
}

function ofConfigMap(object: ManifestObject): Found[] {
  return Object.entries(asObject(object.body['data'])).flatMap(([key, value]): Found[] => {
    if (typeof value !== 'string') return [];
    const path = ['data', key];
    if (isCredentialName(key) && isLiteral(value) && !value.includes('\n')) {
      return [
        {
          place: { object, path },
          message: say`ConfigMap ${object.metadata.name} holds ${measured(key)} as a literal`,
        },
      ];
    }
    // Python is read by its own grammar, with the job that runs it.
    if (key.endsWith('.py')) return [];
    const settings = credentialSettings(value).map(({ name, innerLine }) => ({
      place: { object, path, innerLine },
      message: say`${key} in ConfigMap ${object.metadata.name} gives ${measured(name, quote)} as a literal`,
    }));
    const lines = new Set(settings.map(({ place: { innerLine } }) => innerLine));
    const forms = ofForms(object, value, path, `${key} in ConfigMap ${object.metadata.name}`);
    return [
      ...settings,
      ...forms.filter(({ place }) => !('innerLine' in place) || !lines.has(place.innerLine ?? -1)),
    ];
  });
}
