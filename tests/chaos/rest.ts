/** Requests to the platform by HTTP, as the contract has them, with nothing on top. */

export interface Asking {
  token: string;
  method?: 'GET' | 'POST';
  body?: object;
}

const PATIENCE_MS = 5_000;

/** What was answered, or why it was refused. Rejects when there is no answer in time. */
export async function ask<Answer>(
  origin: string,
  path: string,
  { token, method = 'GET', body }: Asking,
): Promise<{ status: number; answer: Answer }> {
  const response = await fetch(new URL(path, origin), {
    method,
    headers: {
      authorization: `Bearer ${token}`,
      ...(body !== undefined && { 'content-type': 'application/json' }),
    },
    signal: AbortSignal.timeout(PATIENCE_MS),
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, answer: (text === '' ? {} : JSON.parse(text)) as Answer };
}
