import { describe, expect, it } from 'vitest'
import type { Change } from '../../../../cli/config/index.ts'
import { reload } from '../../../../cli/reload/reload.ts'
import { isBlank, settledText } from '../../../../cli/reload/settled-text.ts'
import { VirtualClock } from '../../../../testing/virtual-clock.ts'

const change = (name: string): Change => ({
  setting: { name, key: name } as Change['setting'],
  from: 'skein.yaml:3',
})

describe('changed settings', () => {
  const broken = {
    settings: ['b'],
    apply() {
      throw new Error('b is wrong')
    },
  }

  it('hold all or none', async () => {
    const applied: string[] = []
    const a = { settings: ['a'], apply: (options: string) => void applied.push(options) }
    const changes = [change('a'), change('b')]
    const init = { parts: [a, broken], before: 'before', after: 'after', changes }
    await expect(reload(init)).rejects.toMatchObject({
      message: 'skein.yaml:3: b: b is wrong',
      isPart: false,
    })
    expect(applied).toEqual(['after', 'before'])
    const known = await reload({ ...init, changes: [change('a'), change('c')] })
    expect(known).toEqual({ applied: ['a'], needRestart: ['c'] })
  })

  it('are said to hold in part if one cannot be undone, and the others are undone', async () => {
    const applied: string[] = []
    const first = { settings: ['a'], apply: (options: string) => void applied.push(options) }
    const stuck = {
      settings: ['c'],
      apply(options: string) {
        if (options === 'before') throw new Error('cannot go back')
      },
    }
    const changes = [change('a'), change('c'), change('b')]
    const parts = [stuck, first, broken]
    await expect(
      reload({ parts, before: 'before', after: 'after', changes }),
    ).rejects.toMatchObject({ isPart: true })
    expect(applied).toEqual(['after', 'before'])
  })
})

describe('a file that is being saved', () => {
  const reading = (...texts: readonly (string | Error)[]) => {
    let at = 0
    return async (): Promise<string> => {
      const text = texts[Math.min(at++, texts.length - 1)] ?? ''
      if (text instanceof Error) throw text
      return text
    }
  }
  const settle = async (read: () => Promise<string>): Promise<string | undefined> => {
    const clock = new VirtualClock()
    const settled = settledText('skein.yaml', clock, read)
    settled.catch(() => {})
    await clock.advance(60_000)
    return await settled
  }

  it('is read when two readings agree', async () => {
    expect(await settle(reading('', 'gateway:\n  al', 'whole', 'whole'))).toBe('whole')
  })

  it('is absent only if it stays away', async () => {
    const gone = Object.assign(new Error('gone'), { code: 'ENOENT' })
    expect(await settle(reading(gone))).toBeUndefined()
    expect(await settle(reading(gone, 'back'))).toBe('back')
  })

  it('is refused if it never settles, or cannot be read', async () => {
    let n = 0
    await expect(settle(async () => String(n++))).rejects.toThrow('keeps changing')
    await expect(settle(reading(new Error('EACCES')))).rejects.toThrow('skein.yaml: EACCES')
  })

  it('is blank if it has comments only', () => {
    expect(['', '\n', '# a: 1\n---\n  # b\n'].every(isBlank)).toBe(true)
    expect(isBlank('a: 1')).toBe(false)
  })
})
