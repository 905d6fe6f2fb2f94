import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { ApiObject, Testing } from 'cdk8s';
import { instanceType } from '../../lib/checker/capacity/instance-types';
import { nodesOf } from '../../lib/checker/capacity/node';
import { type CapacityReport, capacityReport } from '../../lib/checker/capacity/report';
import { reportHtml } from '../../lib/checker/capacity/report-html';
import { manifestObjects } from '../../lib/checker/object/manifest-object';
import { LakehouseChart } from '../../lib/lakehouse/lakehouse-chart';

const SCREENSHOT = resolve(__dirname, '..', '..', 'docs', 'images', 'capacity.png');

function browser(): string {
  const found = ['chromium', 'chromium-browser', 'google-chrome'].find(
    name => spawnSync(name, ['--version']).status === 0,
  );
  if (found === undefined) throw new Error('no Chromium on the PATH; on Debian: apt-get install chromium');
  return found;
}

describe('the capacity page in a real browser', () => {
  const folder = mkdtempSync(join(tmpdir(), 'capacity-page-'));
  const chromium = browser();
  let report: CapacityReport;
  let page: string;

  const run = (file: string, ...flags: string[]) =>
    execFileSync(
      chromium,
      [
        '--headless',
        '--no-sandbox',
        '--disable-gpu',
        '--hide-scrollbars',
        `--user-data-dir=${folder}/profile`,
        ...flags,
        `file://${file}`,
      ],
      { stdio: ['ignore', 'pipe', 'ignore'], maxBuffer: 1 << 28 },
    ).toString();
  /** What a script finds on the page, once the page's own has run. */
  const found = (script: string, hash = '', ...flags: string[]): string => {
    const probe = join(folder, 'probe.html');
    writeFileSync(probe, `${readFileSync(page, 'utf8')}<script>document.title = ${script}</script>`);
    return /<title>(.*?)<\/title>/.exec(run(`${probe}${hash}`, '--dump-dom', ...flags))?.[1] ?? '';
  };

  beforeAll(async () => {
    const chart = new LakehouseChart(Testing.app(), 'lakehouse');
    const objects = chart.node.findAll().filter(ApiObject.isApiObject);
    report = await capacityReport(
      manifestObjects(objects.map(object => (object as ApiObject).toJson())),
      nodesOf({ name: 'default', instanceType: instanceType('m6i.large'), count: 4 }),
    );
    page = join(folder, 'capacity.html');
    writeFileSync(page, reportHtml(report, []));
  }, 120_000);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test('it opens on everything at its most: four nodes, every pod drawn in two resources', () => {
    const most = report.scenarios.findIndex(({ scenario }) => scenario.id === 'most');
    const pods = report.scenarios[most]?.verdict.placement?.length ?? 0;
    const shown = "document.querySelector('section:not([hidden])')";
    expect(found(`${shown}.id`)).toBe(`scenario-${most}`);
    expect(found(`${shown}.querySelector('.nodes').querySelectorAll('.node').length`)).toBe('4');
    expect(found(`${shown}.querySelector('.nodes').querySelectorAll('g > title').length`)).toBe(
      String(2 * pods),
    );
  });

  test('no node is drawn beyond what it has', () => {
    const heights = found(
      "Math.max(...[...document.querySelectorAll('section:not([hidden]) svg')].flatMap(svg => [...svg.querySelectorAll('g > title + rect')].map(rect => rect.y.baseVal.value + rect.height.baseVal.value)))",
    );
    expect(Number(heights)).toBeLessThan(296.01);
  });

  test('a click on a row shows its scenario and no other', () => {
    const rows = "document.querySelectorAll('tr[data-scenario]')";
    const shown = found(
      `(${rows}[0].click(), [...document.querySelectorAll('section:not([hidden])')].map(section => section.id).join())`,
    );
    expect(shown).toBe('scenario-0');
  });

  test('light and dark differ, and in both the text stands out', () => {
    const contrast = `(() => {
      const luminance = colour => colour.match(/[\\d.]+/g).slice(0, 3).map(Number).map(v => v / 255).map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4).reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
      const style = getComputedStyle(document.body);
      const [a, b] = [luminance(style.color), luminance(style.backgroundColor)];
      return [b > a ? 'light' : 'dark', Math.round((Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05))].join(' ');
    })()`;
    const [light = '', lightContrast] = found(contrast).split(' ');
    const [dark = '', darkContrast] = found(contrast, '', '--blink-settings=preferredColorScheme=0').split(
      ' ',
    );
    expect([light, dark]).toEqual(['light', 'dark']);
    expect(Number(lightContrast)).toBeGreaterThanOrEqual(7);
    expect(Number(darkContrast)).toBeGreaterThanOrEqual(7);
  });

  test('the screenshot of the documentation is taken from it', () => {
    run(page, '--window-size=1120,985', `--screenshot=${SCREENSHOT}`);
    expect(statSync(SCREENSHOT).size).toBeGreaterThan(20_000);
  });
});
