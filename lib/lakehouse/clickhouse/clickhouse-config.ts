import type { ObjectLocation } from '../storage/object-store';

/** A user of the server, with the environment variable that holds its password. */
export interface ClickHouseAccount {
  readonly username: string;
  readonly passwordVariable: string;
  /** Settings profile of the user. */
  readonly profile: 'default' | 'readonly';
  /** What the user may do, each as the text after GRANT. */
  readonly grants: readonly string[];
}

/** A location that the server reads by itself, with the credentials of the environment. */
export interface ClickHouseObjectSource {
  /** Name of the entry. */
  readonly name: string;
  /** URL prefix, e.g. http://minio.storage.svc.cluster.local:9000/silver/ */
  readonly endpoint: string;
  readonly region: string;
  /** Environment variables of the keys; without, the role of the service account. */
  readonly variables?: { readonly accessKey: string; readonly secretKey: string };
}

export interface ClickHouseServerSettings {
  readonly httpPort: number;
  readonly metricsPort: number;
  /** What the server may use at most; the container's limit leaves room above it. */
  readonly maxMemoryBytes: number;
  readonly sources: readonly ClickHouseObjectSource[];
}

/** URL under which a location is read over HTTP: in S3's own form where the store has no endpoint. */
export function httpUrl(location: ObjectLocation): string {
  const { store, bucketName } = location.bucket;
  if (store.endpoint === undefined) {
    return `https://${bucketName}.s3.${store.region}.amazonaws.com/${location.path}`;
  }
  if (store.pathStyleAccess) {
    return `${store.endpoint}/${bucketName}/${location.path}`;
  }
  const endpoint = new URL(store.endpoint);
  return `${endpoint.protocol}//${bucketName}.${endpoint.host}/${location.path}`;
}

/**
 * The server's whole configuration: nothing of the image's own is read.
 *
 * A twentieth of the memory goes to each cache, because gold's tables are small and its inserts are what needs
 * room; merges get two threads, because the server has one core. The server's own logs keep three days.
 */
export function serverConfig(settings: ClickHouseServerSettings): string {
  const cacheBytes = Math.floor(settings.maxMemoryBytes / 20);
  const systemLog = (name: string) => `
  <${name}>
    <database>system</database>
    <table>${name}</table>
    <ttl>event_date + INTERVAL 3 DAY</ttl>
    <flush_interval_milliseconds>30000</flush_interval_milliseconds>
  </${name}>`;
  const sources = settings.sources.map(
    source => `
    <${source.name}>
      <endpoint>${xml(source.endpoint)}</endpoint>
      <region>${xml(source.region)}</region>${
        source.variables === undefined
          ? `
      <use_environment_credentials>1</use_environment_credentials>`
          : `
      <access_key_id from_env="${source.variables.accessKey}"/>
      <secret_access_key from_env="${source.variables.secretKey}"/>`
      }
    </${source.name}>`,
  );
  return `<clickhouse>
  <logger>
    <level>information</level>
    <console>1</console>
  </logger>
  <listen_host>0.0.0.0</listen_host>
  <http_port>${settings.httpPort}</http_port>
  <keep_alive_timeout>30</keep_alive_timeout>
  <max_connections>256</max_connections>
  <max_concurrent_queries>64</max_concurrent_queries>
  <path>/var/lib/clickhouse/</path>
  <tmp_path>/var/lib/clickhouse/tmp/</tmp_path>
  <user_files_path>/var/lib/clickhouse/user_files/</user_files_path>
  <format_schema_path>/var/lib/clickhouse/format_schemas/</format_schema_path>
  <users_config>users.xml</users_config>
  <default_profile>default</default_profile>
  <default_database>default</default_database>
  <timezone>UTC</timezone>
  <mlock_executable>false</mlock_executable>
  <max_server_memory_usage>${settings.maxMemoryBytes}</max_server_memory_usage>
  <mark_cache_size>${cacheBytes}</mark_cache_size>
  <index_mark_cache_size>${cacheBytes}</index_mark_cache_size>
  <uncompressed_cache_size>0</uncompressed_cache_size>
  <compiled_expression_cache_size>${cacheBytes}</compiled_expression_cache_size>
  <background_pool_size>2</background_pool_size>
  <background_schedule_pool_size>8</background_schedule_pool_size>
  <merge_tree>
    <number_of_free_entries_in_pool_to_execute_mutation>2</number_of_free_entries_in_pool_to_execute_mutation>
    <number_of_free_entries_in_pool_to_lower_max_size_of_merge>2</number_of_free_entries_in_pool_to_lower_max_size_of_merge>
    <number_of_free_entries_in_pool_to_execute_optimize_entire_partition>2</number_of_free_entries_in_pool_to_execute_optimize_entire_partition>
  </merge_tree>
  <prometheus>
    <endpoint>/metrics</endpoint>
    <port>${settings.metricsPort}</port>
    <metrics>true</metrics>
    <events>true</events>
    <asynchronous_metrics>true</asynchronous_metrics>
  </prometheus>${['query_log', 'part_log'].map(systemLog).join('')}${
    sources.length === 0
      ? ''
      : `
  <s3>${sources.join('')}
  </s3>`
  }
</clickhouse>
`;
}

/** The users, whose passwords come from the environment; the server has no user without a password. */
export function usersConfig(accounts: readonly ClickHouseAccount[], maxQueryMemoryBytes: number): string {
  const users = accounts.map(
    ({ username, passwordVariable, profile, grants }) => `
    <${username}>
      <password from_env="${passwordVariable}"/>
      <networks>
        <ip>::/0</ip>
      </networks>
      <profile>${profile}</profile>
      <quota>default</quota>
      <grants>${grants
        .map(
          grant => `
        <query>GRANT ${xml(grant)}</query>`,
        )
        .join('')}
      </grants>
    </${username}>`,
  );
  return `<clickhouse>
  <profiles>
    <default>
      <max_memory_usage>${maxQueryMemoryBytes}</max_memory_usage>
      <async_insert>0</async_insert>
    </default>
    <readonly>
      <max_memory_usage>${Math.floor(maxQueryMemoryBytes / 2)}</max_memory_usage>
      <max_execution_time>60</max_execution_time>
      <readonly>2</readonly>
    </readonly>
  </profiles>
  <quotas>
    <default/>
  </quotas>
  <users>${users.join('')}
  </users>
</clickhouse>
`;
}

function xml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}
