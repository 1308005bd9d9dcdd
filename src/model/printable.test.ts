import { expect, test } from 'vitest'
import { printable } from './printable.ts'

test('what moves a cursor, colors or deletes becomes one visible character; line ends and tabs stay', () => {
  expect(printable('a\u001b[2Jb\u0007\nc\td\u009bx\u007f\r')).toBe('a␛[2Jb␇\nc\td\ufffdx␡␍')
})

test('what reorders or hides text becomes visible as well', () => {
  expect(printable('image\u202e1:bew\u2066\u200b\ufeff\u2028x')).toBe('image\ufffd1:bew\ufffd\ufffd\ufffd\ufffdx')
})

test('letters of every alphabet, accents and emoji stay', () => {
  const text = 'wéb-имя-ウェブ 🚢 e\u0301 …'
  expect(printable(text)).toBe(text)
})

test('no text grows, whatever it holds', () => {
  const evil = Array.from({ length: 0x3000 }, (_, code) => String.fromCharCode(code)).join('')
  expect(printable(evil)).toHaveLength(evil.length)
})

test('every string of an object and of its lists is treated, and what is no string stays', () => {
  const given = { a: ['\u0000', { b: '\u001b' }], n: 1, t: true, u: undefined, z: null }
  expect(printable(given)).toEqual({ a: ['␀', { b: '␛' }], n: 1, t: true, u: undefined, z: null })
})
