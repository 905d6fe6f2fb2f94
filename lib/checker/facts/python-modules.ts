import { asObject, type ManifestObject } from '../object/manifest-object';
import type { Module } from '../python/syntax';
import { parsedModule } from './job-code';
import type { Model } from './model';

export interface PythonModule {
  readonly object: ManifestObject;
  /** The ConfigMap's key: the file's name. */
  readonly key: string;
  readonly text: string;
  readonly module: Module;
}

/** Every Python file in a ConfigMap, read once. */
export function pythonModules(model: Model): PythonModule[] {
  return model
    .ofKind('ConfigMap')
    .flatMap(object =>
      Object.entries(asObject(object.body['data'])).flatMap(([key, text]) =>
        key.endsWith('.py') && typeof text === 'string'
          ? [{ object, key, text, module: parsedModule(text) }]
          : [],
      ),
    );
}

/** First line of a notebook that Databricks exported: it supplies spark, dbutils, display and what %run brings. */
const DATABRICKS_NOTEBOOK = '# Databricks notebook source';

/** Whether a file is a notebook that runs on its own platform, as no job of the manifests runs it. */
export function isElsewhere(model: Model, { object, text }: PythonModule): boolean {
  return (
    text.startsWith(DATABRICKS_NOTEBOOK) &&
    !model.jobs.some(({ code }) => code?.objects.includes(object) === true)
  );
}
