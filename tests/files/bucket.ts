/**
 * A bucket as its S3 server has it, past all code of ours: what lies in it, and addresses that anybody may fetch from or
 * put to for a while (AWS Signature Version 4, in the query).
 */
import { createHash, createHmac } from 'node:crypto';
import { MARKER_KEY } from '../../services/file/src/store-marker.ts';

export interface BucketPlace {
  endpoint: string;
  bucket: string;
  accessKey: string;
  secretKey: string;
}

export interface UnfinishedUpload {
  key: string;
  attempt: string;
}

const REGION = 'us-east-1';
const SECONDS = 3600;

/** The bucket that the environment of a platform names. */
export function bucketOf(environment: Readonly<Record<string, string>>): BucketPlace {
  const of = (name: string): string => environment[name] ?? '';
  return {
    endpoint: of('S3_ENDPOINT'),
    bucket: of('S3_BUCKET'),
    accessKey: of('S3_ACCESS_KEY'),
    secretKey: of('S3_SECRET_KEY'),
  };
}

/** The keys of all objects, but for the mark that says whose bucket it is. */
export async function listObjects(place: BucketPlace): Promise<string[]> {
  const keys: string[] = [];
  for (let from: string | undefined = ''; from !== undefined; ) {
    const answer: string = await ask(place, { 'list-type': '2', 'start-after': from });
    const page = tagged(answer, 'Key');
    keys.push(...page);
    from = answer.includes('<IsTruncated>true</IsTruncated>') ? page.at(-1) : undefined;
  }
  return keys.filter((key) => key !== MARKER_KEY);
}

/** The multipart uploads that nobody has completed or aborted. */
export async function listUnfinished(place: BucketPlace): Promise<UnfinishedUpload[]> {
  const answer = await ask(place, { uploads: '', 'max-uploads': '1000' });
  if (answer.includes('<IsTruncated>true</IsTruncated>'))
    throw new Error('more than one page of them');
  const attempts = tagged(answer, 'UploadId');
  return tagged(answer, 'Key').map((key, at) => ({ key, attempt: attempts[at] ?? '' }));
}

/** An address that whoever has it may put an object to, or get it from. */
export function presign(place: BucketPlace, method: 'GET' | 'PUT', key: string): string {
  return address(place, { method, path: `/${place.bucket}/${key}`, query: {} });
}

async function ask(place: BucketPlace, query: Record<string, string>): Promise<string> {
  const response = await fetch(address(place, { method: 'GET', path: `/${place.bucket}`, query }));
  const text = await response.text();
  // Made with the first file.
  if (response.status === 404 && text.includes('NoSuchBucket')) return '';
  if (!response.ok) throw new Error(`the S3 server said ${response.status}: ${text}`);
  return text;
}

interface Wanted {
  method: string;
  path: string;
  query: Record<string, string>;
}

function address(place: BucketPlace, { method, path, query }: Wanted): string {
  const { host, origin } = new URL(place.endpoint);
  const time = new Date().toISOString().replace(/[-:]|\.\d+/g, '');
  const day = time.slice(0, 8);
  const scope = `${day}/${REGION}/s3/aws4_request`;
  const signed = {
    ...query,
    'X-Amz-Algorithm': 'AWS4-HMAC-SHA256',
    'X-Amz-Credential': `${place.accessKey}/${scope}`,
    'X-Amz-Date': time,
    'X-Amz-Expires': String(SECONDS),
    'X-Amz-SignedHeaders': 'host',
  };
  const asked = Object.entries(signed)
    .map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`)
    .toSorted()
    .join('&');
  const request = [method, path, asked, `host:${host}`, '', 'host', 'UNSIGNED-PAYLOAD'].join('\n');
  const digest = createHash('sha256').update(request).digest('hex');
  const key = [day, REGION, 's3', 'aws4_request'].reduce<string | Buffer>(
    (secret, word) => createHmac('sha256', secret).update(word).digest(),
    `AWS4${place.secretKey}`,
  );
  const signature = createHmac('sha256', key)
    .update(['AWS4-HMAC-SHA256', time, scope, digest].join('\n'))
    .digest('hex');
  return `${origin}${path}?${asked}&X-Amz-Signature=${signature}`;
}

/** Keys here are UUIDs, which XML writes as they are; attempts are taken back from what it writes. */
function tagged(xml: string, name: string): string[] {
  const found = xml.matchAll(new RegExp(`<${name}>([^<]*)</${name}>`, 'g'));
  return [...found].map(([, text = '']) => text);
}
