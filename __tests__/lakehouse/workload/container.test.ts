import { Duration, Size } from 'cdk8s';
import { Cpu } from 'cdk8s-plus-28';
import fc from 'fast-check';
import { bytes } from '../../../lib/checker/manifest/quantity';
import {
  bytesOf,
  imageRefusals,
  replicaRefusals,
  resourceRefusals,
  resourceRequirements,
  secondsRefusals,
  sizeQuantity,
  timeZoneRefusals,
} from '../../../lib/lakehouse/workload/container';
import { said } from '../said';

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
    expect(said(resourceRefusals({ what: 'container a' }, { cpu, memory }))).toEqual([]);
  });

  test('every missing figure is named', () => {
    expect(said(resourceRefusals({ what: 'container a' }, {}))).toEqual([
      'container a has no cpu request but every container needs one; set cpu.request, e.g. Cpu.millis(500) (rule container-without-limits)',
      'container a has no cpu limit but every container needs one; set cpu.limit, e.g. Cpu.millis(500) (rule container-without-limits)',
      'container a has no memory request but every container needs one; set memory.request, e.g. Size.mebibytes(512) (rule container-without-limits)',
      'container a has no memory limit but every container needs one; set memory.limit, e.g. Size.mebibytes(512) (rule container-without-limits)',
    ]);
  });

  test.each([
    [{ request: Cpu.millis(0), limit: Cpu.units(1) }, 'a cpu request of 0m'],
    [{ request: Cpu.millis(-5), limit: Cpu.units(1) }, 'a cpu request of -5m'],
    [{ request: Cpu.millis(100), limit: Cpu.millis(Number.NaN) }, 'a cpu limit of NaNm'],
  ])('a figure of nothing is refused (%#)', (cpu, figure) => {
    const side = figure.includes('limit') ? 'limit' : 'request';
    expect(said(resourceRefusals({ what: 'container a' }, { cpu, memory }))).toEqual([
      `container a has ${figure} but it must be more than 0; set cpu.${side}, e.g. Cpu.millis(500)`,
    ]);
  });

  test.each([
    [0, '0Ki but it must be more than 0'],
    [1, '1Mi but no container starts with less than 12Mi'],
    [11, '11Mi but no container starts with less than 12Mi'],
  ])('a memory limit of %iMi is refused', (mebibytes, words) => {
    const memory = { request: Size.mebibytes(1), limit: Size.mebibytes(mebibytes) };
    expect(said(resourceRefusals({ what: 'container a' }, { cpu, memory }))).toEqual([
      `container a has a memory limit of ${words}; set memory.limit, e.g. Size.mebibytes(512)`,
    ]);
  });

  test('a memory limit with which a container starts is not refused', () => {
    const memory = { request: Size.mebibytes(1), limit: Size.mebibytes(12) };
    expect(said(resourceRefusals({ what: 'container a' }, { cpu, memory }))).toEqual([]);
  });

  test('a request above its limit is refused with both', () => {
    expect(
      said(
        resourceRefusals(
          { what: 'container a' },
          {
            cpu,
            memory: { request: Size.gibibytes(2), limit: Size.mebibytes(2047) },
          },
        ),
      ),
    ).toEqual([
      'container a requests 2Gi of memory but its limit is 2047Mi; set memory.request to at most 2047Mi (rule invalid-quantity)',
    ]);
  });
});

describe('images', () => {
  test.each([
    'app:1.2',
    'registry.example.com:5000/team/app:v1',
    `app@sha256:${'a'.repeat(64)}`,
    `app:latest@sha256:${'a'.repeat(64)}`,
    'registry.example.com/a__b/c.d-e:1.2.3_rc-4',
    'localhost:5000/app:1',
  ])('%s is pinned', image => {
    expect(said(imageRefusals({ what: 'container a' }, image))).toEqual([]);
  });

  test.each(['app', 'app:latest', 'registry.example.com:5000/team/app', ''])('%j is not', image => {
    expect(said(imageRefusals({ what: 'container a' }, image))).toEqual([
      expect.stringMatching(/but an image must be pinned by a tag .* \(rule mutable-image-tag\)$/),
    ]);
  });

  test.each(['app@sha256:abc', 'app:1@sha256:abc', 'my app:1', 'App:1', 'app:', 'https://example.com/app:1'])(
    '%j is no image reference',
    image => {
      expect(said(imageRefusals({ what: 'container a' }, image))).toEqual([
        expect.stringContaining('but an image is [registry/]repository:tag'),
      ]);
    },
  );
});

describe('numbers', () => {
  test.each([0, -1, 1.5, Number.NaN])('%d replicas are refused, one passes', replicas => {
    expect(said(replicaRefusals({ what: 'object' }, replicas))).toEqual([
      `object has ${replicas} replicas but the number must be a whole one of at least 1; set replicas to 1 or more`,
    ]);
    expect(said(replicaRefusals({ what: 'object' }, 1))).toEqual([]);
  });
});

describe('times', () => {
  test.each([Duration.seconds(1), Duration.minutes(2), Duration.millis(3000)])('%p passes', time => {
    expect(said(secondsRefusals({ what: 'job' }, 'trigger', time))).toEqual([]);
  });

  test.each([
    [Duration.seconds(0), '0 s'],
    [Duration.millis(500), '0.5 s'],
    [Duration.millis(1500), '1.5 s'],
  ])('%p is refused', (time, shown) => {
    expect(said(secondsRefusals({ what: 'job' }, 'trigger', time))).toEqual([
      `job has a trigger of ${shown} but it must be a whole number of seconds, at least 1; set trigger, e.g. Duration.seconds(60)`,
    ]);
  });

  test.each(['UTC', 'Asia/Seoul', 'America/Argentina/Buenos_Aires', 'Asia/Kolkata', 'Etc/GMT+9'])(
    'zone %s passes',
    zone => {
      expect(said(timeZoneRefusals({ what: 'job' }, 'timeZone', zone))).toEqual([]);
    },
  );

  test.each(['', 'KST9', 'Mars/Olympus', '+09:00', 'utc', 'ASIA/SEOUL', 'asia/Seoul'])(
    'zone %j is refused',
    zone => {
      expect(said(timeZoneRefusals({ what: 'job' }, 'timeZone', zone))).toEqual([
        `job has timeZone ${JSON.stringify(zone)} but only names of the IANA time zone database are known to the JVM and to ClickHouse; set timeZone, e.g. 'UTC' or 'Asia/Seoul'`,
      ]);
    },
  );
});
