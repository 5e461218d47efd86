/** Addresses at S3 that are good for one request for a while: Signature Version 4 in the query. */
import { createHash, createHmac } from 'node:crypto';

export interface Presigning {
  /** The store's origin, as clients reach it, and the path of the object. */
  url: URL;
  region: string;
  accessKey: string;
  secretKey: string;
  /** S3 takes a week at most. */
  seconds: number;
  /** What the store is to answer with, such as `response-content-type`. Bound by the signature too. */
  answer?: Readonly<Record<string, string>>;
  /** Now, when left out. */
  at?: Date;
}

/**
 * The address for a GET. The store refuses it for any other method, host, object or answer, and after its time.
 * (AWS, "Authenticating Requests: Using Query Parameters".)
 */
export function presignGet(options: Presigning): string {
  const { url, region, accessKey, secretKey, seconds, answer, at = new Date() } = options;
  const moment = at.toISOString().replace(/[-:]|\.\d+/g, '');
  const day = moment.slice(0, 8);
  const scope = `${day}/${region}/s3/aws4_request`;
  const query = canonicalQuery({
    'X-Amz-Algorithm': ALGORITHM,
    'X-Amz-Credential': `${accessKey}/${scope}`,
    'X-Amz-Date': moment,
    'X-Amz-Expires': String(seconds),
    'X-Amz-SignedHeaders': 'host',
    ...answer,
  });
  const request = ['GET', url.pathname, query, `host:${url.host}`, '', 'host', 'UNSIGNED-PAYLOAD'];
  const digest = createHash('sha256').update(request.join('\n')).digest('hex');
  const key = [day, region, 's3', 'aws4_request'].reduce<string | Buffer>(
    (secret, text) => hmac(secret, text),
    `AWS4${secretKey}`,
  );
  const signature = hmac(key, [ALGORITHM, moment, scope, digest].join('\n')).toString('hex');
  return `${url.origin}${url.pathname}?${query}&X-Amz-Signature=${signature}`;
}

const ALGORITHM = 'AWS4-HMAC-SHA256';

function hmac(key: string | Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}

/** Sorted by name, everything but RFC 3986's unreserved characters escaped. */
function canonicalQuery(values: Readonly<Record<string, string>>): string {
  return Object.entries(values)
    .map(([name, value]) => `${escaped(name)}=${escaped(value)}`)
    .sort()
    .join('&');
}

function escaped(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
