import { describe, expect, it } from 'vitest'
import { CircuitTable } from '../../../../host/relay/circuit-table.ts'

const create = (): CircuitTable =>
  new CircuitTable({
    maxCircuits: 4,
    maxCircuitsPerPeer: 2,
    maxCircuitsPerNetwork: 3,
    maxCircuitsToPeer: 3,
    maxCircuitsToPeerPerNetwork: 2,
  })

describe('a table of circuits', () => {
  it('bounds those that one peer opens', () => {
    const table = create()
    expect(table.enter({ from: 'a', to: 'x' })).toBeDefined()
    const leave = table.enter({ from: 'a', to: 'y' })
    expect(table.enter({ from: 'a', to: 'z' })).toBeUndefined()
    leave?.()
    leave?.()
    expect(table.size).toBe(1)
    expect(table.enter({ from: 'a', to: 'z' })).toBeDefined()
  })

  it('bounds those that lead to one peer', () => {
    const table = create()
    for (const from of ['a', 'b', 'c']) expect(table.enter({ from, to: 'x' })).toBeDefined()
    expect(table.enter({ from: 'd', to: 'x' })).toBeUndefined()
    expect(table.enter({ from: 'd', to: 'y' })).toBeDefined()
  })

  it('bounds all of them', () => {
    const table = create()
    for (const to of ['w', 'x', 'y', 'z']) expect(table.enter({ from: to, to })).toBeDefined()
    expect(table.enter({ from: 'e', to: 'e' })).toBeUndefined()
  })

  it('leaves room for peers of other networks, whatever identities one network has', () => {
    const table = create()
    const network = '44.0.0'
    const leave = table.enter({ from: 'a', to: 'x', network })
    expect(table.enter({ from: 'b', to: 'x', network })).toBeDefined()
    expect(table.enter({ from: 'c', to: 'x', network })).toBeUndefined()
    expect(table.enter({ from: 'c', to: 'y', network })).toBeDefined()
    expect(table.enter({ from: 'd', to: 'z', network })).toBeUndefined()
    expect(table.enter({ from: 'e', to: 'x', network: '45.0.0' })).toBeDefined()
    leave?.()
    expect(table.enter({ from: 'd', to: 'z', network })).toBeDefined()
  })
})
