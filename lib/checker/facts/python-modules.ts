import type { Place } from '../finding/finding';
import { asObject, type ManifestObject } from '../object/manifest-object';
import type { Module } from '../python/syntax';
import type { Model } from './model';
import { parsedModule } from './parsed-module';

export interface PythonModule {
  /** The ConfigMap that holds it; a file beside the manifests stands by itself. */
  readonly object: ManifestObject | undefined;
  /** The ConfigMap's key, or the path of the file. */
  readonly key: string;
  /** What messages call it. */
  readonly shown: string;
  readonly text: string;
  readonly module: Module;
  readonly place: (innerLine: number) => Place;
  /** Whether a program of the manifests is made of it. */
  readonly isRun: boolean;
}

/** Every Python file in a ConfigMap, and of those beside the manifests each that is named or that a program is made of. */
export function pythonModules(model: Model): PythonModule[] {
  const run = new Set(model.programs.flatMap(({ code }) => code?.files ?? []));
  const holding = new Set(model.programs.flatMap(({ code }) => code?.objects ?? []));
  const held = model.ofKind('ConfigMap').flatMap(object =>
    Object.entries(asObject(object.body['data'])).flatMap(([key, text]): PythonModule[] =>
      key.endsWith('.py') && typeof text === 'string'
        ? [
            {
              object,
              key,
              shown: `${key} in ConfigMap ${object.metadata.name}`,
              text,
              module: parsedModule(text),
              place: innerLine => ({ object, path: ['data', key], innerLine }),
              isRun: holding.has(object),
            },
          ]
        : [],
    ),
  );
  const beside = model.beside.files
    .filter(({ file, isNamed }) => isNamed || run.has(file))
    .map(
      ({ file, text, isNamed }): PythonModule => ({
        object: undefined,
        key: file,
        shown: file.slice(file.lastIndexOf('/') + 1),
        text,
        module: parsedModule(text),
        place: innerLine => ({ file, line: innerLine + 1 }),
        isRun: run.has(file) && !isNamed,
      }),
    );
  return [...held, ...beside];
}

/** First line of a notebook that Databricks exported: it supplies spark, dbutils, display and what %run brings. */
const DATABRICKS_NOTEBOOK = '# Databricks notebook source';

/** Whether a file is a notebook that runs on its own platform, as no job of the manifests runs it. */
export function isElsewhere({ text, isRun }: PythonModule): boolean {
  return text.startsWith(DATABRICKS_NOTEBOOK) && !isRun;
}
