import type { JSX } from 'preact'
import { useState } from 'preact/hooks'
import type { HereModel, HerePull, HereView } from '../../state.ts'
import { act } from '../connection.ts'
import { bytes, duration } from '../format.ts'
import type { PageProps } from '../page-props.ts'
import { ActionButton, CopyLine, Empty, Heading, Meter, Notice } from '../parts/index.ts'
import { STRINGS } from '../strings.ts'
import { type Run, useAction } from '../use-action.ts'

const TEXT = STRINGS.models

/** The models of this machine: what is shared, in memory and on disk, and how another one comes here. */
export function ModelsPage({ state: { here } }: PageProps): JSX.Element {
  const action = useAction()
  if (here === undefined) {
    return (
      <>
        <Heading title={TEXT.title} intro={TEXT.intro} />
        <Empty title={TEXT.absent.title} text={TEXT.absent.text}>
          <CopyLine text={TEXT.absent.command} />
        </Empty>
      </>
    )
  }
  return (
    <>
      <Heading title={TEXT.title} intro={TEXT.intro} />
      {here.canPull && <PullForm engine={here.engine} action={action} />}
      <Notice error={action.error} />
      {here.pulls.length > 0 && (
        <ul class="pulls" aria-label={TEXT.downloads}>
          {here.pulls.map((pull) => (
            <Pull key={pull.source} pull={pull} action={action} />
          ))}
        </ul>
      )}
      {here.models.length === 0 ? (
        <Empty title={TEXT.none.title} text={TEXT.none.text} />
      ) : (
        <Table here={here} action={action} />
      )}
    </>
  )
}

function PullForm({
  engine,
  action,
}: {
  readonly engine: string
  readonly action: Run
}): JSX.Element {
  const [source, setSource] = useState('')
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault()
    const model = source.trim()
    if (model === '') return
    if (await action.run('pull', () => act({ action: 'pull', model }))) setSource('')
  }
  return (
    <form class="pull" onSubmit={(event) => void submit(event)}>
      <label>
        <span>{TEXT.pull.label}</span>
        <input
          value={source}
          placeholder={engine === 'ollama' ? TEXT.pull.ollamaHint : TEXT.pull.hint}
          autocomplete="off"
          spellcheck={false}
          onInput={(event) => setSource(event.currentTarget.value)}
        />
      </label>
      <button type="submit" class="primary" disabled={source.trim() === ''}>
        {TEXT.pull.submit}
      </button>
    </form>
  )
}

function Pull({ pull, action }: { readonly pull: HerePull; readonly action: Run }): JSX.Element {
  const { source, receivedBytes, totalBytes, error, status } = pull
  const stop = (): void =>
    void action.run(source, () => act({ action: 'stop-pull', model: source }))
  return (
    <li>
      <code>{source}</code>
      {error === undefined ? (
        <Meter
          label={TEXT.pull.progress(source)}
          text={totalBytes > 0 ? TEXT.pull.of(bytes(receivedBytes), bytes(totalBytes)) : status}
          done={receivedBytes}
          total={totalBytes}
        />
      ) : (
        <span class="failure">{error}</span>
      )}
      <button type="button" class="plain" onClick={stop}>
        {error === undefined ? TEXT.pull.stop : TEXT.pull.dismiss}
      </button>
    </li>
  )
}

function Table({ here, action }: { readonly here: HereView; readonly action: Run }): JSX.Element {
  const { columns } = TEXT
  return (
    <div class="scroller">
      <table class="models">
        <thead>
          <tr>
            <th scope="col">{columns.model}</th>
            <th scope="col">{columns.state}</th>
            <th scope="col" class="number">
              {columns.size}
            </th>
            <th scope="col" class="number">
              {columns.memory}
            </th>
            <th scope="col">
              <span class="hidden">{columns.actions}</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {here.models.map((model) => (
            <Row key={model.name} model={model} canRemove={here.canRemove} action={action} />
          ))}
        </tbody>
      </table>
    </div>
  )
}

interface RowProps {
  readonly model: HereModel
  readonly canRemove: boolean
  readonly action: Run
}

function Row({ model, canRemove, action }: RowProps): JSX.Element {
  const { name, id, source, bytes: size, memoryBytes, sha256, state, loadShare } = model
  return (
    <tr>
      <td title={sha256 === undefined ? undefined : `sha256 ${sha256}`}>
        <strong>{id}</strong>
        {name !== id && <span class="quiet small">{name}</span>}
        {source !== '' && source !== name && <span class="quiet small">{source}</span>}
      </td>
      <td>
        <span class={`badge ${TONES[state]}`}>{TEXT.states[state]}</span>{' '}
        {model.isShared && <span class="badge good">{TEXT.shared}</span>}
        {state === 'loading' && (
          <Meter
            label={TEXT.loading(name)}
            text={`${Math.round((loadShare ?? 0) * 100)} %`}
            done={loadShare ?? 0}
            total={1}
          />
        )}
        {model.refusal !== undefined && <span class="failure small">{model.refusal}</span>}
        {state === 'on-disk' && !model.refusal && model.coldStartMs !== undefined && (
          <span class="quiet small">{TEXT.coldStart(duration(model.coldStartMs))}</span>
        )}
      </td>
      <td class="number">{size > 0 ? bytes(size) : '–'}</td>
      <td class="number">
        {IN_MEMORY.has(state) && memoryBytes !== undefined ? bytes(memoryBytes) : '–'}
      </td>
      <td>
        <Actions model={model} canRemove={canRemove} action={action} />
      </td>
    </tr>
  )
}

function Actions({ model, canRemove, action }: RowProps): JSX.Element {
  const [isSure, setSure] = useState(false)
  const { name, state, isShared } = model
  const button = (verb: keyof typeof TEXT.verbs): JSX.Element => (
    <ActionButton
      class="plain"
      label={`${TEXT.verbs[verb]} ${name}`}
      isBusy={action.isBusy(name)}
      onPress={() => action.run(name, () => act({ action: verb, model: name }))}
    >
      {TEXT.verbs[verb]}
    </ActionButton>
  )
  const isInMemory = IN_MEMORY.has(state)
  if (state === 'partial' || (!isInMemory && isSure)) {
    return (
      <div class="actions">
        {canRemove && button('remove')}
        {isSure && (
          <button type="button" class="plain" onClick={() => setSure(false)}>
            {TEXT.keep}
          </button>
        )}
      </div>
    )
  }
  return (
    <div class="actions">
      {isInMemory ? button('unload') : button('load')}
      {button(isShared ? 'unshare' : 'share')}
      {canRemove && !isInMemory && (
        <button
          type="button"
          class="plain"
          aria-label={TEXT.removeModel(name)}
          onClick={() => setSure(true)}
        >
          {TEXT.remove}
        </button>
      )}
    </div>
  )
}

const IN_MEMORY: ReadonlySet<HereModel['state']> = new Set(['loaded', 'loading', 'running'])
const TONES = {
  partial: 'bad',
  'on-disk': 'neutral',
  loading: 'neutral',
  loaded: 'good',
  running: 'good',
} as const
