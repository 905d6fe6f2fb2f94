import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { App } from 'cdk8s';
import { manifestObjects } from '../lib/checker/object/manifest-object';
import { flowsOf } from '../lib/lakehouse/network/flow';
import { plainObjects } from '../lib/lakehouse/plain-objects';
import { validateApp } from '../lib/lakehouse/write-manifests';
import { differences, podsAround, policiesOf } from './lakehouse/network/reachability';

const folder = path.join(__dirname, '..', 'docs', 'recipes');
const recipes = readdirSync(folder).filter(name => existsSync(path.join(folder, name, 'main.ts')));

test('every recipe is in the index', () => {
  const index = readFileSync(path.join(folder, 'README.md'), 'utf8');
  expect(recipes.length).toBeGreaterThan(4);
  expect(recipes.filter(name => !index.includes(`[${name}](${name}/main.ts)`))).toEqual([]);
});

describe.each(recipes)('%s', name => {
  const { app } = require(path.join(folder, name, 'main.ts')) as { app: App };

  test('passes every check, without a warning', () => {
    expect(validateApp(app)).toEqual([]);
  });

  test('lets its pods reach what they are connected to, and nothing else', () => {
    const objects = manifestObjects(plainObjects(app));
    expect(differences(policiesOf(objects), podsAround(objects), flowsOf(app))).toEqual([]);
  });
});
