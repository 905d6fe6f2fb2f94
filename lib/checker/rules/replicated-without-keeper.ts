import { parseImage } from '../facts/images';
import type { Model } from '../facts/model';
import type { Rule } from '../facts/rule';
import { declaredTables } from '../facts/tables';
import type { Found } from '../finding/finding';
import { measured, say } from '../finding/message';
import { apiGroup, declaredContainers } from '../manifest/pod-templates';
import { asObjects, at } from '../object/manifest-object';

/** Replicas agree through a Keeper; without one the server refuses the table: "Can't create replicated table without ZooKeeper". */
export const replicatedWithoutKeeper: Rule = {
  id: 'replicated-without-keeper',
  level: 'warning',
  needs: ['pods'],
  refuses: 'a replicated table, or a statement ON CLUSTER, for a ClickHouse whose files name no Keeper',
  remedy: 'configure a Keeper or ZooKeeper for the server, or take the engine without Replicated',
  check: model => {
    // A server that is not among the files has its configuration elsewhere too.
    if (!hasServer(model) || namesKeeper(model)) return [];
    return declaredTables(model).flatMap(({ name, engine, isOnCluster, place }): Found[] => {
      const needs =
        engine !== undefined && /^(Replicated|KeeperMap$|S3Queue$)/.test(engine)
          ? `engine ${engine}`
          : undefined;
      const what = needs ?? (isOnCluster === true ? 'ON CLUSTER' : undefined);
      if (what === undefined) return [];
      return [
        {
          place,
          message: say`table ${name} is made with ${measured(what)}, which needs a Keeper, and no configuration of these files names a keeper or zookeeper`,
        },
      ];
    });
  },
};

function hasServer(model: Model): boolean {
  return (
    model.ofKind('ClickHouseInstallation').length > 0 ||
    model.templates.some(template =>
      declaredContainers(template).some(({ container }) =>
        /(^|\/)(clickhouse-server|clickhouse)$/.test(parseImage(String(container['image'] ?? '')).repository),
      ),
    )
  );
}

const KEEPER = /keeper/i;

/** Whether anything of these files is a Keeper, or configures one: a name of it in a server's configuration is enough. */
function namesKeeper(model: Model): boolean {
  if (model.ofKind('ClickHouseKeeperInstallation', 'ZookeeperCluster').length > 0) return true;
  const inTexts = model
    .ofKind('ConfigMap', 'Secret')
    .some(({ body }) =>
      ['data', 'stringData'].some(part =>
        Object.entries(at(body, part) ?? {}).some(
          ([key, text]) =>
            !/\.(py|sql|md)$/.test(key) &&
            typeof text === 'string' &&
            KEEPER.test(text.replace(/<!--[\s\S]*?-->/g, '')),
        ),
      ),
    );
  const inInstallations = model
    .ofKind('ClickHouseInstallation', 'ClickHouseInstallationTemplate')
    .some(({ body }) => KEEPER.test(JSON.stringify(at(body, 'spec') ?? {})));
  const inPods = model.templates.some(template =>
    declaredContainers(template).some(
      ({ container }) =>
        KEEPER.test(String(container['image'] ?? '')) ||
        asObjects(container['env']).some(({ name }) => KEEPER.test(String(name))),
    ),
  );
  const inCharts = model.objects.some(
    object =>
      apiGroup(object) === 'argoproj.io' &&
      object.kind === 'Application' &&
      KEEPER.test(JSON.stringify(at(object.body, 'spec') ?? {})),
  );
  return inTexts || inInstallations || inPods || inCharts;
}
