import type { JSX } from 'preact'
import { useState } from 'preact/hooks'
import { act } from '../connection.ts'
import { clockTime } from '../format.ts'
import type { PageProps } from '../page-props.ts'
import { Heading } from '../parts/index.ts'
import { STRINGS } from '../strings.ts'

const TEXT = STRINGS.log

/** What the process reported, newest first, and the doctor's findings. */
export function LogPage({ state }: PageProps): JSX.Element {
  const [findings, setFindings] = useState<readonly string[] | 'running' | undefined>()
  const examine = async (): Promise<void> => {
    setFindings('running')
    try {
      setFindings((await act<{ lines: readonly string[] }>({ action: 'doctor' })).lines)
    } catch (error) {
      setFindings([error instanceof Error ? error.message : String(error)])
    }
  }
  return (
    <>
      <Heading title={TEXT.title} intro={TEXT.intro}>
        <button type="button" disabled={findings === 'running'} onClick={() => void examine()}>
          {TEXT.doctor}
        </button>
      </Heading>
      <div aria-live="polite">
        {findings === 'running' && <p class="quiet">{TEXT.running}</p>}
        {Array.isArray(findings) && (
          <section class="block">
            <h2>{TEXT.findings}</h2>
            <pre>{findings.join('\n')}</pre>
          </section>
        )}
      </div>
      {state.log.length === 0 ? (
        <p class="quiet">{TEXT.none}</p>
      ) : (
        <ol class="log">
          {state.log.toReversed().map(({ id, atMs, text }) => (
            <li key={id}>
              <time class="quiet">{clockTime(atMs)}</time>
              <span>{text}</span>
            </li>
          ))}
        </ol>
      )}
    </>
  )
}
