import type { JSX } from 'preact'
import { useState } from 'preact/hooks'
import type { LogLine } from '../../state.ts'
import { act } from '../connection.ts'
import { clockTime } from '../format.ts'
import type { PageProps } from '../page-props.ts'
import { ActionButton, Heading } from '../parts/index.ts'
import { STRINGS } from '../strings.ts'
import { useAction } from '../use-action.ts'

const TEXT = STRINGS.log

/** What the process reported, newest first, and the doctor's findings. */
export function LogPage({ state: { log } }: PageProps): JSX.Element {
  const action = useAction()
  const [findings, setFindings] = useState<readonly string[] | undefined>()
  const [wantsAll, setWantsAll] = useState(true)
  const warnings = log.filter(({ level }) => level !== 'info')
  const isRunning = action.isBusy('doctor')
  const examine = async (): Promise<void> => {
    setFindings(undefined)
    await action.run('doctor', async () => {
      setFindings((await act<{ lines: readonly string[] }>({ action: 'doctor' })).lines)
    })
  }
  return (
    <>
      <Heading title={TEXT.title} intro={TEXT.intro}>
        <ActionButton isBusy={isRunning} onPress={examine}>
          {TEXT.doctor}
        </ActionButton>
      </Heading>
      <div aria-live="polite">
        {isRunning && <p class="quiet">{TEXT.running}</p>}
        {action.error !== '' && <p class="notice">{action.error}</p>}
        {findings !== undefined && <Findings lines={findings} />}
      </div>
      {warnings.length > 0 && <p class="quiet next">{TEXT.next}</p>}
      <fieldset class="tabs">
        <legend class="hidden">{TEXT.show}</legend>
        <Tab label={TEXT.all} isChosen={wantsAll} onChoose={() => setWantsAll(true)} />
        <Tab
          label={TEXT.warnings(warnings.length)}
          isChosen={!wantsAll}
          onChoose={() => setWantsAll(false)}
        />
      </fieldset>
      <Lines lines={wantsAll ? log : warnings} none={wantsAll ? TEXT.none : TEXT.noWarning} />
    </>
  )
}

function Tab({
  label,
  isChosen,
  onChoose,
}: {
  readonly label: string
  readonly isChosen: boolean
  readonly onChoose: () => void
}): JSX.Element {
  return (
    <button type="button" class="plain" aria-pressed={isChosen} onClick={onChoose}>
      {label}
    </button>
  )
}

function Lines({
  lines,
  none,
}: {
  readonly lines: readonly LogLine[]
  readonly none: string
}): JSX.Element {
  if (lines.length === 0) return <p class="quiet none">{none}</p>
  return (
    <ol class="log">
      {lines.toReversed().map(({ id, atMs, level, text, advice }) => (
        <li key={id}>
          <time class="quiet">{clockTime(atMs)}</time>
          <span>
            {level !== 'info' && <span class="badge bad">{TEXT.levels[level]}</span>} {text}
            {advice !== undefined && <span class="quiet small">{advice}</span>}
          </span>
        </li>
      ))}
    </ol>
  )
}

/** Each step with its outcome; advice stands below its step. */
function Findings({ lines }: { readonly lines: readonly string[] }): JSX.Element {
  return (
    <section class="block findings">
      <h2>{TEXT.findings}</h2>
      <ul>
        {lines.map((line) => {
          const [, outcome, rest] = /^(ok|failed|skipped) · (.*)$/s.exec(line) ?? []
          return (
            <li key={line}>
              {outcome === undefined ? (
                <span class="quiet small">{line.trim()}</span>
              ) : (
                <>
                  <span class={`badge ${OUTCOMES[outcome] ?? 'neutral'}`}>{outcome}</span> {rest}
                </>
              )}
            </li>
          )
        })}
      </ul>
    </section>
  )
}

const OUTCOMES: Readonly<Record<string, string>> = { ok: 'good', failed: 'bad' }
