import { expect, test } from 'vitest';
import { presignGet } from './s3-presign.ts';

test("a presigned address is that of Amazon's own example", () => {
  // "Authenticating Requests: Using Query Parameters (AWS Signature Version 4)", its example.
  const address = presignGet({
    url: new URL('https://examplebucket.s3.amazonaws.com/test.txt'),
    region: 'us-east-1',
    accessKey: 'AKIAIOSFODNN7EXAMPLE',
    secretKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
    seconds: 86_400,
    at: new Date('2013-05-24T00:00:00Z'),
  });
  expect(new URL(address).searchParams.get('X-Amz-Signature')).toBe(
    'aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404',
  );
});
