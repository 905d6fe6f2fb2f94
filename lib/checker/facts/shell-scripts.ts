import { declaredContainers, volumesByName } from '../manifest/pod-templates';
import { objectId } from '../object/object-id';
import type { ManifestIndex } from './manifest-index';
import { mountedTexts } from './mounted-texts';
import { claimTemplates } from './mounts';

/** A shell script that a container starts. */
export interface ShellScript {
  /** The object and, of a ConfigMap, the key. */
  readonly name: string;
  readonly text: string;
}

const SHELL = /(^|\/)(ba|da|z|k)?sh$/;

/** Whether a text of a ConfigMap is a shell script, by its name or its first line. */
export function isShellScript(key: string, text: unknown): text is string {
  return typeof text === 'string' && (/\.(ba|z|k)?sh$/.test(key) || /^#!.*\b(ba|da|z|k)?sh\b/.test(text));
}

/** The scripts that containers get behind `sh -c`, and those of ConfigMaps that they start; each once. */
export function shellScripts(model: ManifestIndex): ShellScript[] {
  const scripts = new Map<string, string>();
  for (const template of model.templates) {
    const { object } = template;
    const volumes = volumesByName(template.spec['volumes']);
    for (const { container, path } of declaredContainers(template)) {
      const words = (['command', 'args'] as const).flatMap(key => {
        const list = container[key];
        return Array.isArray(list) ? list.map(String) : [];
      });
      const [program, ...rest] = words;
      if (program === undefined) continue;
      const flag = SHELL.test(program) ? rest.findIndex(word => /^-[a-z]*c$/.test(word)) : -1;
      const given = flag < 0 ? undefined : rest[flag + 1];
      if (given !== undefined) {
        scripts.set(`${objectId(object)} ${path.join('.')}`, given);
        continue;
      }
      const main = SHELL.test(program) ? rest.find(word => !word.startsWith('-')) : program;
      const file =
        main === undefined
          ? undefined
          : mountedTexts(model, object, container, volumes, claimTemplates(object))[main];
      if (file === undefined) continue;
      const place = file.place(1);
      const key = 'object' in place ? String(place.path[1]) : '';
      if (file.object !== undefined && isShellScript(key, file.text))
        scripts.set(`${objectId(file.object)} ${key}`, file.text);
    }
  }
  return [...scripts].map(([name, text]) => ({ name, text }));
}
