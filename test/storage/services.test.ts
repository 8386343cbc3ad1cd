import { describe, expect, test } from 'vitest';
import { loadOpenDAL } from '../../src/storage/opendal.js';
import { serviceOf } from '../../src/storage/services.js';
import { parseRemote } from '../../src/storage/uri.js';
import { StorageError, UsageError } from '../../src/util/errors.js';

const KEYS = { AWS_ACCESS_KEY_ID: 'id', AWS_SECRET_ACCESS_KEY: 'secret' };

function of(uri: string, options = {}, env = {}): Readonly<Record<string, string>> {
  return serviceOf(parseRemote(uri), options, env).config;
}

describe('a URL', () => {
  test.each([
    ['s3://bucket/a/b.arrow', { scheme: 's3', container: 'bucket', path: 'a/b.arrow' }],
    ['S3://bucket', { scheme: 's3', container: 'bucket', path: '' }],
    ['gs://bucket/100%/a b', { scheme: 'gs', container: 'bucket', path: '100%/a b' }],
    ['https://host:8080/a%20b/', { scheme: 'https', container: 'host:8080', path: 'a b/' }],
  ])('%s is taken apart', (uri, parts) => {
    expect(parseRemote(uri)).toEqual(parts);
  });

  test.each([
    ['hdfs://host/a', 'no storage is known by hdfs://'],
    ['s3:///a', 'names no bucket'],
    ['https://me@host/a', 'has a user in front of the host'],
    ['https://host/a?sig=1', 'has a query or a fragment'],
    ['https://host/100%', 'is not percent-encoded'],
  ])('%s is refused: %s', (uri, reason) => {
    expect(() => parseRemote(uri)).toThrow(UsageError);
    expect(() => parseRemote(uri)).toThrow(reason);
  });
});

describe('s3', () => {
  test('takes its keys from the environment, with the token of a session', () => {
    expect(of('s3://b', {}, { ...KEYS, AWS_SESSION_TOKEN: 'token' })).toMatchObject({
      bucket: 'b',
      access_key_id: 'id',
      secret_access_key: 'secret',
      session_token: 'token',
      disable_ec2_metadata: 'true',
    });
  });

  test('takes endpoint and region from the job, else from the environment', () => {
    const env = { ...KEYS, AWS_REGION: 'eu-west-1', AWS_ENDPOINT_URL: 'http://env' };
    expect(of('s3://b', { endpoint: 'http://job', region: 'r' }, env)).toMatchObject({
      endpoint: 'http://job',
      region: 'r',
    });
    expect(of('s3://b', {}, env)).toMatchObject({ endpoint: 'http://env', region: 'eu-west-1' });
    expect(of('s3://b', {}, {})).toMatchObject({ region: 'us-east-1' });
  });

  test('looks for the role of the machine, unless it can not have one', () => {
    expect(of('s3://b')).not.toHaveProperty('disable_ec2_metadata');
    for (const options of [{ allow_anonymous: 'true' }, { endpoint: 'http://minio' }]) {
      expect(of('s3://b', options)).toMatchObject({ disable_ec2_metadata: 'true', allow_anonymous: 'true' });
    }
  });

  test('signs with the keys of the environment though it may go without', () => {
    expect(of('s3://b', { allow_anonymous: 'true' }, KEYS)).toMatchObject({ access_key_id: 'id' });
  });
});

test('gs takes the path of its credentials from the environment, or goes without', () => {
  expect(of('gs://b', {}, { GOOGLE_APPLICATION_CREDENTIALS: '/key.json' })).toMatchObject({
    bucket: 'b',
    credential_path: '/key.json',
  });
  expect(of('gs://b', { allow_anonymous: 'true' })).toMatchObject({
    disable_vm_metadata: 'true',
    disable_config_load: 'true',
  });
});

test('az takes its account from the environment, which also says where it is', () => {
  const env = { AZURE_STORAGE_ACCOUNT_NAME: 'acc', AZURE_STORAGE_ACCOUNT_KEY: 'key' };
  expect(of('az://c', {}, env)).toEqual({
    container: 'c',
    account_name: 'acc',
    account_key: 'key',
    endpoint: 'https://acc.blob.core.windows.net',
  });
});

test('a web server gets a token where the environment has one', () => {
  expect(of('https://host/a')).toEqual({ endpoint: 'https://host' });
  expect(of('https://host/a', {}, { PENSTOCK_HTTP_TOKEN: 't' })).toMatchObject({ token: 't' });
});

test('an option that the storage does not have is refused, with those that it has', () => {
  expect(() => of('s3://b', { regoin: 'x' })).toThrow(UsageError);
  expect(() => of('s3://b', { regoin: 'x' })).toThrow(/source\.storage\.regoin: .* it has .*region/);
});

describe('without OpenDAL', () => {
  test('says how to install it', async () => {
    const missing = loadOpenDAL(() =>
      Promise.reject(new Error("Cannot find package 'opendal' imported from x")),
    );
    await expect(missing).rejects.toBeInstanceOf(StorageError);
    await expect(missing).rejects.toMatchObject({
      hint: expect.stringContaining('npm install opendal@0.49.2'),
    });
  });

  test('says what is wrong where it has no binary for the platform', async () => {
    const broken = loadOpenDAL(() => Promise.reject(new Error('Cannot find native binding.\nmore')));
    await expect(broken).rejects.toThrow(
      `does not load on ${process.platform} ${process.arch}: Cannot find native`,
    );
  });
});
