import { Command } from 'commander'
import { describe, expect, it } from 'vitest'
import {
  checkPolicy,
  type DispatchOptions,
  dispatchOf,
  withDispatchOptions,
} from '../../../cli/dispatch-options.ts'
import { type SamplingOptions, withSamplingOptions } from '../../../cli/sampling-options.ts'
import { UsageError } from '../../../cli/usage-error.ts'

function parse(...args: string[]): DispatchOptions {
  const command = withDispatchOptions(new Command('x')).exitOverride()
  command.configureOutput({ writeErr: () => undefined })
  return dispatchOf(command.parse(args, { from: 'user' }).opts())
}

describe('--policy and --resume', () => {
  it.each(['single', 'hedge', 'race:2', 'quorum:2-of-3'])('hand %s on', (policy) => {
    expect(parse('--policy', policy)).toEqual({ policy })
  })

  it.each(['exact', 'same-model', 'off'])('hand the mode %s on', (resume) => {
    expect(parse('--resume', resume)).toEqual({ resume })
  })

  it.each(['off', 'sample', 'always', 'required'])('hand %s on to be verified', (verify) => {
    expect(parse('--verify', verify)).toEqual({ verify })
  })

  it('leave the client’s defaults if not typed', () => {
    expect(parse()).toEqual({})
  })

  it('list the valid values for an invalid one', () => {
    expect(() => parse('--policy', 'quorum:3-of-2')).toThrow(/--policy.*single, hedge, race:2/)
    expect(() => parse('--verify', 'maybe')).toThrow(/--verify.*off, sample, always, required/)
    expect(() => parse('--resume', 'maybe')).toThrow(/--resume.*exact, same-model or off/)
  })
})

it('calls a quorum of answers that differ by chance a wrong command line', () => {
  const policy = 'quorum:2-of-3'
  for (const fine of [
    { policy, temperature: 0 },
    { policy, seed: 7 },
    { policy: 'hedge' },
    {},
  ] as const) {
    expect(() => checkPolicy(fine)).not.toThrow()
  }
  expect(() => checkPolicy({ policy, temperature: 0.5 })).toThrow(UsageError)
  expect(() => checkPolicy({ policy })).toThrow(/--temperature 0 or --seed/)
})

it('checks digests where the option can be named', () => {
  const parsed = (model: string) =>
    withSamplingOptions(new Command('x'))
      .exitOverride()
      .configureOutput({ writeErr: () => undefined })
      .parse(['--model', model], { from: 'user' })
      .opts<SamplingOptions>().model
  for (const model of ['m', 'a,auto', `m@sha256:${'a'.repeat(12)}`, 'p/m']) {
    expect(parsed(model)).toBe(model)
  }
  expect(() => parsed('m@sha256:709')).toThrow(/--model.*12 to 64 hex digits/)
  expect(() => parsed('a,m@sha256:xyz')).toThrow(/--model/)
})
