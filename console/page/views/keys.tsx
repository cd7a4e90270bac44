import type { JSX } from 'preact'
import { useState } from 'preact/hooks'
import type { KeyView } from '../../state.ts'
import { act, key as ownKey } from '../connection.ts'
import { changeOf, UNRESTRICTED } from '../key-rights.ts'
import type { PageProps } from '../page-props.ts'
import { CopyLine, Empty, Heading, Notice } from '../parts/index.ts'
import { STRINGS } from '../strings.ts'
import { useAction } from '../use-action.ts'
import { RightsFields } from './key-form.tsx'
import { KeyRow } from './key-row.tsx'

const TEXT = STRINGS.keys

/** A key that was created just now, with its secret. */
interface FreshKey {
  readonly name: string
  readonly secret: string
  /** This tab uses it. */
  readonly isOwn: boolean
}

/** The API keys of the gateway: who may use it, and how much. */
export function KeysPage({ state: { keys = [], join } }: PageProps): JSX.Element {
  const [fresh, setFresh] = useState<FreshKey | undefined>()
  return (
    <>
      <Heading title={TEXT.title} intro={TEXT.intro} />
      {keys.length === 0 && (
        <Empty
          title={TEXT.none.title}
          text={TEXT.none.text(join.api?.url ?? '', join.api?.isLocal ?? true)}
        />
      )}
      {fresh === undefined ? (
        <CreateForm keys={keys} onCreated={setFresh} />
      ) : (
        <Fresh fresh={fresh} onDone={() => setFresh(undefined)} />
      )}
      {keys.length > 0 && (
        <ul class="keys">
          {keys.map((one) => (
            <KeyRow key={one.name} shown={one} />
          ))}
        </ul>
      )}
      {keys.some(({ peers, providers }) => peers !== undefined || providers !== undefined) && (
        <p class="quiet small">{TEXT.byCommand}</p>
      )}
    </>
  )
}

function CreateForm({
  keys,
  onCreated,
}: {
  readonly keys: readonly KeyView[]
  readonly onCreated: (fresh: FreshKey) => void
}): JSX.Element {
  const [name, setName] = useState('')
  const [draft, setDraft] = useState(UNRESTRICTED)
  const action = useAction()
  const isFirst = keys.length === 0
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault()
    const rights = isFirst ? {} : changeOf(draft, undefined, Date.now())
    await action.run('create', async () => {
      const { key } = await act<{ key: string }>({ action: 'create-key', name, rights })
      // From now on the page needs it.
      if (isFirst) ownKey.set(key)
      onCreated({ name, secret: key, isOwn: isFirst })
    })
  }
  return (
    <form class="new-key" onSubmit={(event) => void submit(event)}>
      <div class="pull">
        <label>
          <span>{TEXT.name}</span>
          <input
            value={name}
            required
            placeholder={TEXT.nameHint}
            autocomplete="off"
            spellcheck={false}
            onInput={(event) => setName(event.currentTarget.value)}
          />
        </label>
        <button type="submit" class="primary" disabled={name.trim() === ''}>
          {TEXT.create}
        </button>
      </div>
      {isFirst ? (
        <p class="quiet small">{TEXT.unlimitedFirst}</p>
      ) : (
        <details>
          <summary>{TEXT.limits}</summary>
          <RightsFields draft={draft} onChange={setDraft} />
        </details>
      )}
      <Notice error={action.error} />
    </form>
  )
}

/** The secret, shown once. */
function Fresh({
  fresh: { name, secret, isOwn },
  onDone,
}: {
  readonly fresh: FreshKey
  readonly onDone: () => void
}): JSX.Element {
  return (
    <section class="detail fresh-key" role="status">
      <h2>{TEXT.fresh.title(name)}</h2>
      <p class="quiet">
        {TEXT.fresh.text} {isOwn && TEXT.fresh.kept}
      </p>
      <CopyLine text={secret} />
      <button type="button" onClick={onDone}>
        {TEXT.fresh.done}
      </button>
    </section>
  )
}
