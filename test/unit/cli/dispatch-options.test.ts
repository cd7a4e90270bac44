import { Command } from 'commander'
import { describe, expect, it } from 'vitest'
import {
  type DispatchOptions,
  dispatchOf,
  withDispatchOptions,
} from '../../../cli/dispatch-options.ts'

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
