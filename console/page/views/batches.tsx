import type { JSX } from 'preact'
import type { BatchView } from '../../state.ts'
import { proof } from '../connection.ts'
import { clockTime, words } from '../format.ts'
import type { PageProps } from '../page-props.ts'
import { CopyLine, Empty, Heading, Meter, Notice } from '../parts/index.ts'
import { STRINGS } from '../strings.ts'
import { useAction } from '../use-action.ts'

const TEXT = STRINGS.batches

/** The batches of this gateway: how far they are, what failed, and their results. */
export function BatchesPage({ state: { batches } }: PageProps): JSX.Element {
  const action = useAction()
  const save = (file: string): void => void action.run(file, () => download(file))
  return (
    <>
      <Heading title={TEXT.title} intro={TEXT.intro} />
      <Notice error={action.error} />
      {batches.length === 0 ? (
        <Empty title={TEXT.none.title} text={TEXT.none.text}>
          <CopyLine text={TEXT.none.command(location.origin)} />
        </Empty>
      ) : (
        <div class="scroller">
          <table class="batches">
            <thead>
              <tr>
                <th scope="col">{TEXT.columns.batch}</th>
                <th scope="col">{TEXT.columns.state}</th>
                <th scope="col">{TEXT.columns.progress}</th>
                <th scope="col">
                  <span class="hidden">{TEXT.columns.results}</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {batches.map((batch) => (
                <Row key={batch.id} batch={batch} onSave={save} />
              ))}
            </tbody>
          </table>
        </div>
      )}
    </>
  )
}

function Row({
  batch,
  onSave,
}: {
  readonly batch: BatchView
  readonly onSave: (file: string) => void
}): JSX.Element {
  const { id, endpoint, status, createdAt, counts, errors, outputFile, errorFile } = batch
  const { total, completed, failed } = counts
  return (
    <tr>
      <td>
        <code title={id}>{id.slice(0, 14)}…</code>
        <span class="quiet small">
          {endpoint} · <time>{clockTime(createdAt * 1_000)}</time>
        </span>
      </td>
      <td>
        <span class={`badge ${TONES[status] ?? 'neutral'}`}>{words(status)}</span>
        {errors.map((line) => (
          <span key={line} class="quiet small">
            {line}
          </span>
        ))}
      </td>
      <td>
        <Meter
          label={TEXT.progress(id)}
          text={TEXT.counts(completed, total, failed)}
          done={completed + failed}
          total={Math.max(1, total)}
        />
      </td>
      <td>
        <div class="actions">
          {outputFile !== undefined && (
            <button type="button" class="plain" onClick={() => onSave(outputFile)}>
              {TEXT.results}
            </button>
          )}
          {errorFile !== undefined && (
            <button type="button" class="plain" onClick={() => onSave(errorFile)}>
              {TEXT.failures}
            </button>
          )}
        </div>
      </td>
    </tr>
  )
}

const TONES: Readonly<Record<string, string>> = {
  completed: 'good',
  failed: 'bad',
  expired: 'bad',
}

/** Saves a file of the gateway. A link could not carry the key. @throws Error with the gateway's words */
async function download(file: string): Promise<void> {
  const response = await fetch(`/v1/files/${file}/content`, { headers: proof() })
  if (!response.ok) {
    const { error } = (await response.json()) as { readonly error?: { readonly message: string } }
    throw new Error(error?.message ?? response.statusText)
  }
  const url = URL.createObjectURL(await response.blob())
  const link = document.createElement('a')
  link.href = url
  link.download = `${file}.jsonl`
  link.click()
  URL.revokeObjectURL(url)
}
