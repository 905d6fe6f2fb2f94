import { Size } from 'cdk8s';
import { Cpu } from 'cdk8s-plus-28';
import fc from 'fast-check';
import {
  bytesOf,
  imageProblems,
  nameProblems,
  replicaProblems,
  resourceProblems,
  resourceRequirements,
  sizeQuantity,
} from '../../lib/constructs/container';
import { bytes } from '../../lib/manifest/quantity';

describe('quantities', () => {
  test.each([
    [Size.gibibytes(1), '1Gi'],
    [Size.mebibytes(1536), '1536Mi'],
    [Size.gibibytes(1.5), '1536Mi'],
    [Size.kibibytes(1), '1Ki'],
    [Size.kibibytes(0.5), '1Ki'],
    [Size.tebibytes(2), '2Ti'],
  ])('%j is %s', (size, quantity) => {
    expect(sizeQuantity(size)).toBe(quantity);
  });

  test('a whole size reads back as the same bytes', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2 ** 40 }), kibibytes => {
        const size = Size.kibibytes(kibibytes);
        expect(bytes(sizeQuantity(size))).toBe(bytesOf(size));
      }),
    );
  });

  test('requests and limits of every resource that is given', () => {
    const { requests, limits } = resourceRequirements({
      cpu: { request: Cpu.millis(100), limit: Cpu.units(2) },
      memory: { request: Size.mebibytes(64), limit: Size.gibibytes(1) },
      ephemeralStorage: { limit: Size.gibibytes(2) },
    });
    const plain = (side: Record<string, { value: unknown }> | undefined) =>
      Object.fromEntries(Object.entries(side ?? {}).map(([name, { value }]) => [name, value]));
    expect(plain(requests)).toEqual({ cpu: '100m', memory: '64Mi' });
    expect(plain(limits)).toEqual({ cpu: '2', memory: '1Gi', 'ephemeral-storage': '2Gi' });
  });
});

describe('resources', () => {
  const cpu = { request: Cpu.millis(100), limit: Cpu.units(1) };
  const memory = { request: Size.mebibytes(64), limit: Size.gibibytes(1) };

  test('all four figures pass', () => {
    expect(resourceProblems('container a', { cpu, memory })).toEqual([]);
  });

  test('every missing figure is named', () => {
    expect(resourceProblems('container a', {})).toEqual([
      'container a has no cpu request but every container needs one; set cpu.request, e.g. Cpu.millis(500) (rule container-without-limits)',
      'container a has no cpu limit but every container needs one; set cpu.limit, e.g. Cpu.millis(500) (rule container-without-limits)',
      'container a has no memory request but every container needs one; set memory.request, e.g. Size.mebibytes(512) (rule container-without-limits)',
      'container a has no memory limit but every container needs one; set memory.limit, e.g. Size.mebibytes(512) (rule container-without-limits)',
    ]);
  });

  test('a request above its limit is refused with both', () => {
    expect(
      resourceProblems('container a', {
        cpu,
        memory: { request: Size.gibibytes(2), limit: Size.mebibytes(2047) },
      }),
    ).toEqual([
      'container a requests 2Gi of memory but its limit is 2047Mi; set memory.request to at most 2047Mi',
    ]);
  });
});

describe('images', () => {
  test.each([
    'app:1.2',
    'registry.example.com:5000/team/app:v1',
    `app@sha256:${'a'.repeat(64)}`,
    `app:latest@sha256:${'a'.repeat(64)}`,
  ])('%s is pinned', image => {
    expect(imageProblems('container a', image)).toEqual([]);
  });

  test.each(['app', 'app:latest', 'registry.example.com:5000/team/app', 'app@sha256:abc', ''])(
    '%j is not',
    image => {
      expect(imageProblems('container a', image)).toHaveLength(1);
    },
  );
});

describe('names and numbers', () => {
  test.each(['a', 'minio', 'a1-b2', 'a'.repeat(63)])('name %s passes', name => {
    expect(nameProblems('object', name)).toEqual([]);
  });

  test.each(['', '1a', 'a_', 'A', 'a-', 'a'.repeat(64), 'a.b'])('name %j is refused', name => {
    expect(nameProblems('object', name)).toHaveLength(1);
  });

  test.each([0, -1, 1.5, Number.NaN])('%d replicas are refused, one passes', replicas => {
    expect(replicaProblems('object', replicas)).toEqual([
      `object has ${replicas} replicas but the number must be a whole one of at least 1; set replicas to 1 or more`,
    ]);
    expect(replicaProblems('object', 1)).toEqual([]);
  });
});
