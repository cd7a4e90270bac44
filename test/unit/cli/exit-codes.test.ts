import { expect, it } from 'vitest'
import { exitCodeOf } from '../../../cli/exit-code-of.ts'
import { EXIT, EXIT_CODE_HELP } from '../../../cli/exit-codes.ts'
import { UsageError } from '../../../cli/usage-error.ts'
import { ERROR_TABLE, type ErrorCode, InferenceError } from '../../../protocol/index.ts'

it.each([
  ['no_peers', 3],
  ['model_not_found', 4],
  ['deadline_exceeded', 5],
  ['context_too_long', 6],
  ['over_capacity', 7],
  ['stalled', 8],
  ['cancelled', 130],
] as const)('exits for %s with %d', (code, exitCode) => {
  expect(exitCodeOf(new InferenceError(code, 'x'))).toBe(exitCode)
})

it('has a failing exit code for every error there is', () => {
  for (const code of Object.keys(ERROR_TABLE) as ErrorCode[]) {
    expect(exitCodeOf(new InferenceError(code, 'x')), code).toBeGreaterThan(0)
  }
  expect(exitCodeOf(new UsageError('x'))).toBe(2)
  expect(exitCodeOf(new TypeError('x'))).toBe(1)
})

it('documents every exit code', () => {
  for (const code of Object.values(EXIT)) {
    expect(EXIT_CODE_HELP).toMatch(new RegExp(`^ +${code}  `, 'm'))
  }
})
