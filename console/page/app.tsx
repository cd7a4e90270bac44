import type { ComponentType, JSX } from 'preact'
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks'
import type { PageProps } from './page-props.ts'
import { hrefOf, PAGES, type PageName, type Place, usePlace } from './pages.ts'
import { PeerName } from './parts/index.ts'
import { useView, type View } from './store.ts'
import { STRINGS } from './strings.ts'
import {
  BatchesPage,
  JoinPage,
  KeysPage,
  LogPage,
  ModelsPage,
  PeersPage,
  PlaygroundPage,
  RefusedPage,
  RequestsPage,
  SurvivalPage,
} from './views/index.ts'

const VIEWS: Readonly<Record<PageName, ComponentType<PageProps>>> = {
  survival: SurvivalPage,
  requests: RequestsPage,
  playground: PlaygroundPage,
  peers: PeersPage,
  models: ModelsPage,
  batches: BatchesPage,
  keys: KeysPage,
  join: JoinPage,
  log: LogPage,
}

/** What is shown instead of a page that this process does not have. */
const FIRST: Place = { page: 'survival', detail: '' }

export function App(): JSX.Element {
  const view = useView()
  const place = usePlace()
  const absent = view.state?.self.absent ?? []
  const { page, detail } = absent.includes(place.page) ? FIRST : place
  const main = useRef<HTMLElement>(null)
  const shownPage = useRef(page)
  useEffect(() => {
    document.title = `${STRINGS.pages[page]} · ${STRINGS.brand}`
  }, [page])
  // Before the page can be seen: later, it would take the focus from what a quick user has chosen in it.
  useLayoutEffect(() => {
    // A screen reader begins with the new page.
    if (shownPage.current !== page) main.current?.focus()
    shownPage.current = page
  }, [page])
  const { state, refusal } = view
  const Page = VIEWS[page]
  if (refusal !== undefined) return <RefusedPage refusal={refusal} />
  return (
    <div class="frame">
      <button type="button" class="skip" onClick={() => main.current?.focus()}>
        {STRINGS.skip}
      </button>
      <Side page={page} view={view} />
      <main id="content" ref={main} tabIndex={-1}>
        {view.status === 'lost' && (
          <p class="notice" role="status">
            {STRINGS.connection.lost}
          </p>
        )}
        {state === undefined ? (
          <p class="quiet">{STRINGS.connection.connecting}</p>
        ) : (
          <Page state={state} detail={detail} />
        )}
      </main>
    </div>
  )
}

function Side({ page, view }: { readonly page: PageName; readonly view: View }): JSX.Element {
  const { state, status } = view
  const absent = state?.self.absent ?? []
  const current = useRef<HTMLAnchorElement>(null)
  useEffect(() => {
    // On a phone the pages are one line, longer than the screen.
    current.current?.scrollIntoView({ inline: 'center', block: 'nearest' })
  }, [page])
  return (
    <header class="side">
      <a class="brand" href={hrefOf('survival')}>
        <img src="/console/icon.svg" alt="" width="26" height="26" />
        {STRINGS.brand}
      </a>
      <nav aria-label={STRINGS.navigation}>
        <ul>
          {PAGES.filter((name) => !absent.includes(name)).map((name) => (
            <li key={name}>
              <a
                href={hrefOf(name)}
                aria-current={name === page ? 'page' : undefined}
                ref={name === page ? current : null}
              >
                {STRINGS.pages[name]}
              </a>
            </li>
          ))}
        </ul>
      </nav>
      {state !== undefined && (
        <div class="whoami">
          <PeerName peerId={state.self.peerId} note={STRINGS.thisMachine} />
          <span class="quiet">{STRINGS.swarm(state.self.swarm)}</span>
          <span class={`pulse ${status}`}>
            {status === 'live' ? STRINGS.connection.live : STRINGS.connection.connecting}
          </span>
        </div>
      )}
    </header>
  )
}
