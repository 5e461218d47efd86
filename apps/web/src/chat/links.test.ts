import { describe, expect, test } from 'vitest';
import { isFewEmoji, linkParts } from './links.ts';

const links = (text: string) => linkParts(text).flatMap(({ href }) => href ?? []);

describe('links', () => {
  test('are addresses of the web, with what is around them left alone', () => {
    const text = 'See https://example.org/a?b=1#c, and (http://example.org/x_(y)).';
    expect(linkParts(text).map((part) => part.text)).toEqual([
      ...['See ', 'https://example.org/a?b=1#c', ', and (', 'http://example.org/x_(y)', ').'],
    ]);
    expect(
      linkParts(text)
        .map((part) => part.text)
        .join(''),
    ).toBe(text);
  });

  test('never lead anywhere else', () => {
    const hostile = [
      ...['javascript:alert(1)', 'data:text/html,<script>', 'ftp://example.org', 'file:///etc'],
      ...['https://bank.example@evil.example/', 'https://u:p@example.org', 'https://', 'http://['],
    ];
    for (const text of hostile) expect(links(text)).toEqual([]);
  });

  test('end where a character would turn them around', () => {
    expect(links('https://example.org/\u202egnp.exe')).toEqual(['https://example.org/']);
    expect(links('https://example.org/\u2066x')).toEqual(['https://example.org/']);
    expect(links('https://example.org\u0000.evil.example')).toEqual(['https://example.org/']);
  });

  test('keep all of the text, however strange it is', () => {
    for (const text of ['', ' ', 'https://', 'HTTPS://EXAMPLE.ORG!', 'x'.repeat(5000)]) {
      const parts = linkParts(text);
      expect(parts.map((part) => part.text).join('')).toBe(text);
    }
  });
});

test('a few emoji alone are told from text', () => {
  for (const text of ['👍', '❤️ 👩‍👩‍👧', '🇨🇭🎉🎉']) expect(isFewEmoji(text)).toBe(true);
  for (const text of ['', '1', 'ok 👍', '👍👍👍👍', '#']) expect(isFewEmoji(text)).toBe(false);
});
