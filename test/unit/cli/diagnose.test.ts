import { expect, it } from 'vitest'
import { diagnose, type Step, swarmSteps } from '../../../cli/doctor/index.ts'
import type { Client } from '../../../client/index.ts'

it('distinguishes failed from skipped steps', async () => {
  const steps: Step[] = [
    { name: 'port', run: async () => ({ ok: true, message: 'free' }) },
    { name: 'peers', run: async () => Promise.reject(new Error('no peers')) },
    { name: 'model', needs: ['peers'], run: async () => ({ ok: true, message: 'never run' }) },
    { name: 'answer', needs: ['model'], run: async () => ({ ok: true, message: 'never run' }) },
    { name: 'engine', run: async () => ({ ok: false, message: 'dead', advice: 'start it' }) },
  ]
  expect(await Array.fromAsync(diagnose(steps))).toEqual([
    { status: 'ok', name: 'port', message: 'free' },
    { status: 'failed', name: 'peers', message: 'no peers' },
    { status: 'skipped', name: 'model', message: "needs 'peers'" },
    { status: 'skipped', name: 'answer', message: "needs 'model'" },
    { status: 'failed', name: 'engine', message: 'dead', advice: 'start it' },
  ])
})

it('does not let a peer write into the terminal through a failing step', async () => {
  const run = async () => Promise.reject(new Error('\u001b[2Jgone\nok answer'))
  expect(await Array.fromAsync(diagnose([{ name: 'answer', run }]))).toEqual([
    { status: 'failed', name: 'answer', message: 'gone ok answer' },
  ])
})

it.each([
  ['Skein-Tiny:latest', true],
  [`skein-tiny@sha256:${'a'.repeat(64)}`, true],
  [`skein-tiny@sha256:${'b'.repeat(64)}`, false],
  ['goose', false],
])('finds the model that %s means: %s', async (model, ok) => {
  const served = { id: 'skein-tiny', aliases: [], digests: [`sha256:${'a'.repeat(64)}`], peers: [] }
  const client = { models: async () => [served] } as unknown as Client
  const { signal } = new AbortController()
  const steps = swarmSteps({ client, bootstrap: [], model, commandName: 'skein', signal })
  expect(await steps.find(({ name }) => name === 'model')?.run()).toMatchObject({ ok })
})
