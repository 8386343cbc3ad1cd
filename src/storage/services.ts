import { UsageError } from '../util/errors.js';
import type { RemoteScheme, RemoteUri, Section } from './uri.js';

/** Environment variables: where secrets come from. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** A service of OpenDAL and its configuration: of that, everything in it is text. */
export interface ServiceConfig {
  readonly service: string;
  readonly config: Readonly<Record<string, string>>;
}

/** What all remote storage takes, acted on here. */
const OWN_OPTIONS: readonly string[] = ['timeout', 'retries'];

/** What `source.storage` and `sink.storage` may say by scheme: keys of OpenDAL's service that are no secrets. */
const HTTP_OPTIONS: readonly string[] = [];
const OPTIONS: Readonly<Record<RemoteScheme, readonly string[]>> = {
  http: HTTP_OPTIONS,
  https: HTTP_OPTIONS,
  s3: [
    'endpoint',
    'region',
    'access_key_id',
    'allow_anonymous',
    'enable_virtual_host_style',
    'enable_request_payer',
    'role_arn',
    'role_session_name',
    'external_id',
    'disable_config_load',
    'disable_ec2_metadata',
    'disable_list_objects_v2',
  ],
  gs: [
    'endpoint',
    'allow_anonymous',
    'credential_path',
    'service_account',
    'scope',
    'disable_config_load',
    'disable_vm_metadata',
  ],
  az: ['endpoint', 'account_name'],
};

/** What `sink.storage` may say beside these. */
const WRITE_OPTIONS: Partial<Record<RemoteScheme, readonly string[]>> = {
  s3: [
    'default_storage_class',
    'server_side_encryption',
    'server_side_encryption_aws_kms_key_id',
    'checksum_algorithm',
  ],
  gs: ['default_storage_class', 'predefined_acl'],
};

/** The credentials that each scheme looks for in the environment, as messages name them. */
export const CREDENTIALS: Readonly<Record<RemoteScheme, string>> = {
  http: 'PENSTOCK_HTTP_TOKEN (a bearer token)',
  https: 'PENSTOCK_HTTP_TOKEN (a bearer token)',
  s3: 'AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY',
  gs: 'GOOGLE_APPLICATION_CREDENTIALS',
  az: 'AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY',
};

/**
 * The service that answers for a URL, as OpenDAL wants it described: the options of the job file, secrets from the
 * environment, and no credentials at all where there are none.
 *
 * @throws UsageError for an option that the scheme does not have
 */
export function serviceOf(
  { scheme, container }: RemoteUri,
  options: Readonly<Record<string, string>>,
  env: Environment,
  section: Section = 'source',
): ServiceConfig {
  const known = [...OPTIONS[scheme], ...((section === 'sink' && WRITE_OPTIONS[scheme]) || [])];
  const given: Record<string, string> = {};
  for (const [key, value] of Object.entries(options)) {
    if (OWN_OPTIONS.includes(key)) continue;
    if (!known.includes(key)) {
      throw new UsageError(
        `${section}.storage.${key}: is not an option of ${scheme}: storage; it has ${[...OWN_OPTIONS, ...known].join(', ')}`,
        { key: `${section}.storage.${key}` },
      );
    }
    given[key] = value;
  }
  switch (scheme) {
    case 's3':
      return { service: 's3', config: defined({ ...s3(given, env), bucket: container }) };
    case 'gs':
      return { service: 'gcs', config: defined({ ...gcs(given, env), bucket: container }) };
    case 'az':
      return { service: 'azblob', config: defined({ ...azblob(given, env), container }) };
    default:
      return {
        service: 'http',
        config: defined({ endpoint: `${scheme}://${container}`, token: env.PENSTOCK_HTTP_TOKEN }),
      };
  }
}

type Config = Readonly<Record<string, string | undefined>>;

/*
 * Without keys in the environment OpenDAL looks on: in ~/.aws, then for the role of the machine. Who says that access is
 * anonymous, or names an endpoint that is not Amazon's, is spared the latter: the question goes unanswered for seconds.
 */
function s3(given: Config, env: Environment): Config {
  const keys = {
    access_key_id: env.AWS_ACCESS_KEY_ID,
    secret_access_key: env.AWS_SECRET_ACCESS_KEY,
    session_token: env.AWS_SESSION_TOKEN,
  };
  const endpoint = given.endpoint ?? env.AWS_ENDPOINT_URL_S3 ?? env.AWS_ENDPOINT_URL;
  const hasKeys = keys.access_key_id !== undefined && keys.secret_access_key !== undefined;
  const anonymous = given.allow_anonymous === 'true' && !hasKeys;
  const elsewhere = endpoint !== undefined || env.AWS_EC2_METADATA_DISABLED === 'true';
  return {
    // Any of them may come from the files that OpenDAL reads; half of a pair is of no use.
    ...(hasKeys ? keys : {}),
    region: env.AWS_REGION ?? env.AWS_DEFAULT_REGION ?? 'us-east-1',
    allow_anonymous: 'true',
    disable_ec2_metadata: anonymous || hasKeys || elsewhere ? 'true' : undefined,
    disable_config_load: anonymous ? 'true' : undefined,
    ...given,
    endpoint,
  };
}

function gcs(given: Config, env: Environment): Config {
  const credential_path = given.credential_path ?? env.GOOGLE_APPLICATION_CREDENTIALS;
  const anonymous = given.allow_anonymous === 'true' && credential_path === undefined;
  return {
    allow_anonymous: 'true',
    disable_vm_metadata: anonymous || given.endpoint !== undefined ? 'true' : undefined,
    disable_config_load: anonymous ? 'true' : undefined,
    ...given,
    credential_path,
  };
}

function azblob(given: Config, env: Environment): Config {
  const account_name = given.account_name ?? env.AZURE_STORAGE_ACCOUNT_NAME;
  return {
    endpoint: account_name && `https://${account_name}.blob.core.windows.net`,
    account_key: env.AZURE_STORAGE_ACCOUNT_KEY,
    sas_token: env.AZURE_STORAGE_SAS_TOKEN,
    ...given,
    account_name,
  };
}

function defined(config: Config): Record<string, string> {
  return Object.fromEntries(
    Object.entries(config).flatMap(([key, value]) => (value === undefined ? [] : [[key, value]])),
  );
}
