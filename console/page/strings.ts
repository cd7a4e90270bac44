/** Every text of the console, in one place. */
export const STRINGS = {
  brand: 'Skein',
  skip: 'Skip to the content',
  pages: {
    survival: 'Survival',
    requests: 'Requests',
    playground: 'Playground',
    peers: 'Peers',
    models: 'Models here',
    batches: 'Batches',
    keys: 'Keys',
    join: 'Join',
    log: 'Log',
  },
  navigation: 'Pages',
  connection: {
    live: 'Live',
    connecting: 'Connecting …',
    lost: 'Not connected. The gateway may have stopped; this page tries again.',
  },
  thisMachine: 'this machine',
  swarm: (name: string): string => (name === 'public' ? 'Public swarm' : `Private swarm ${name}`),
  close: 'Close',
  copy: 'Copy',
  copied: 'Copied',

  refused: {
    key: {
      title: 'This gateway has keys',
      text: 'Paste one of them to see what happens here. It stays in this tab.',
      label: 'API key',
      submit: 'Open the console',
      wrong: 'That key is not one of this gateway’s.',
      restricted:
        'That key is restricted to models, limits, days or the metrics. The console needs one that is not.',
    },
    loopback: {
      title: 'Open this page on the machine itself',
      text: 'Without keys the console opens at http://127.0.0.1 only. To open it from another machine, create a key there: skein gateway key add NAME',
    },
  },

  survival: {
    title: 'What would survive',
    intro: 'Every model that can be asked now, and how much may fail before it cannot.',
    none: {
      title: 'No model can be asked yet',
      text: 'Share one from this machine, or let another machine join that has some.',
      share: 'skein up --demo',
    },
    allSafe: (models: number, spare: number): string =>
      `${models === 1 ? 'The model survives' : `All ${models} models survive`} the loss of any ${spare === 1 ? 'peer' : `${spare} peers`}.`,
    atRisk: (model: string): string =>
      `${model} has no spare: if its only peer stops, nothing serves it.`,
    someAtRisk: (count: number): string =>
      `${count} models have no spare: each is served by one peer only.`,
    mayDie: (spare: number, peers: number): string =>
      spare === 0 ? 'No spare' : `${spare} of ${peers} may stop`,
    mayDieAtOnce: 'at once, whichever they are',
    noSpare: 'one peer serves it',
    networks: (spare: number): string =>
      spare === 0
        ? 'All its peers are in one network.'
        : `${spare} of its ${spare + 1} networks may fail.`,
    relays: (spare: number): string =>
      spare === 0
        ? 'All its peers are reached through one relay.'
        : `${spare} of its ${spare + 1} relays may fail.`,
    resume: {
      tokens: 'A broken answer continues at another peer from the very token.',
      prefill: 'A broken answer continues at another peer from its text.',
      none: 'A broken answer cannot be continued: the engine takes no beginning.',
    },
    fallbacks: (names: string): string => `Then: ${names}.`,
    weights: (count: number): string => `Peers serve ${count} different weights under this name.`,
    servedBy: 'Served by',
    network: 'The network',
    networkText: (direct: number, relayed: number): string =>
      `${direct} ${direct === 1 ? 'peer' : 'peers'} reached directly, ${relayed} through relays.`,
    alone: 'No other peer is connected. The Join page says how one joins.',
    legend: {
      direct: 'direct',
      relayed: 'through a relay',
      silent: 'does not answer',
      introduces: 'introduces only',
      busy: 'ring: slots in use',
    },
    picture: (peers: number): string => `This machine and ${peers} peers, with round-trip times.`,
    ms: (ms: number): string => `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`,
  },

  requests: {
    title: 'Requests',
    intro: (recordsPrompts: boolean): string =>
      `Each request as it ran: which peers were tried, why, and who wrote what. ${recordsPrompts ? '' : 'Prompts are not kept.'}`,
    recording:
      'Prompts are recorded, because this process was started with --record-prompts: everybody who can open this page sees them. They are kept in memory only.',
    prompt: 'What was asked',
    none: {
      title: 'No request yet',
      text: 'Ask something in the playground, or point any OpenAI client at the base URL.',
      action: 'Open the playground',
    },
    filter: 'Filter by model, peer or outcome',
    noMatch: 'No request matches.',
    fresh: (count: number): string =>
      `${count} newer ${count === 1 ? 'request waits' : 'requests wait'} above while you read.`,
    morePeers: (count: number): string => `+${count}`,
    columns: {
      time: 'Time',
      model: 'Model',
      outcome: 'Outcome',
      attempts: 'Attempts',
      first: 'First token',
      total: 'Total',
    },
    running: 'running',
    detail: 'Timeline',
    wroteTokens: (tokens: number): string => `${tokens} ${tokens === 1 ? 'token' : 'tokens'}`,
    reasons: {
      first: 'first',
      retry: 'retry',
      hedge: 'hedge',
      race: 'race',
      quorum: 'quorum',
      resume: 'resume',
      stall: 'silent peer',
      slow: 'slow peer',
      fallback: 'next model',
    } as Readonly<Record<string, string>>,
    superseded: 'overtaken',
    resumed: (count: number): string =>
      count === 0 ? 'No resume' : `Resumed ${count === 1 ? 'once' : `${count} times`}`,
    exact: 'from the very token',
    inexact: 'not exactly',
    cost: (tokens: number, attempts: number): string =>
      `${tokens} tokens beyond the answer, in ${attempts} ${attempts === 1 ? 'attempt' : 'attempts'}`,
    seams: {
      'token-ids': 'went on from the very token',
      message: 'went on from the message so far',
      text: 'went on from the text',
      start: 'began anew, before anything was shown',
    },
    agreed: (agreeing: number, answers: number): string =>
      `${agreeing} of ${answers} answers agree`,
    hedged: (count: number, won: boolean): string =>
      `${count} ${count === 1 ? 'attempt' : 'attempts'} beside a slow one${won ? '; one of them answered' : ''}`,
    noCost: 'No work beyond the answer',
    usage: (prompt: number, completion: number): string =>
      `${prompt} prompt, ${completion} completion tokens`,
    copyJson: 'Copy as JSON',
    facts: {
      policy: 'Policy',
      usage: 'Usage',
      cost: 'Cost',
      resumes: 'Resumes',
      verification: 'Verdict',
      agreement: 'Quorum',
      hedges: 'Hedges',
      message: 'Message',
      id: 'Id',
    },
    firstToken: 'first token',
    timeline: (attempts: number): string => `Timeline of ${attempts} attempts`,
  },

  playground: {
    title: 'Playground',
    intro: 'Ask any model of the swarm. The colours show which peer wrote each piece.',
    model: 'Model',
    modelHint: 'an id, an alias, auto, or several separated by commas',
    policy: 'Policy',
    temperature: 'Temperature',
    maxTokens: 'Longest answer',
    prompt: 'Message',
    promptHint: 'Ask something. Enter sends, Shift+Enter starts a new line.',
    send: 'Send',
    stop: 'Stop',
    clear: 'New chat',
    you: 'You',
    answer: 'Answer',
    wroteBy: 'Written by',
    stopped: 'Stopped.',
    empty: {
      title: 'Nothing asked yet',
      text: 'Ask below. While an answer runs, stop the peer that writes it: another one continues.',
      example: 'Count from 1 to 60.',
    },
    code: 'The same request as code',
    languages: { curl: 'curl', python: 'Python', typescript: 'TypeScript' },
    chunks: (count: number): string => `${count} ${count === 1 ? 'token' : 'tokens'}`,
    attempt: (of: {
      readonly number: number
      readonly peer: string
      readonly chunks: number
      readonly from: string
      readonly until: string
    }): string =>
      `${of.number === 1 ? 'begun' : `continued (part ${of.number})`} by ${of.peer}: ${of.chunks} tokens, from ${of.from} to ${of.until} after the question`,
    failed: 'The answer failed',
  },

  peers: {
    title: 'Peers',
    intro:
      'Who serves, how well they stand with this machine, and on what evidence. Choose one to deny or trust it.',
    none: {
      title: 'No other peer',
      text: 'Let another machine join, or name a bootstrap peer when starting this one.',
      action: 'How to join',
    },
    columns: {
      peer: 'Peer',
      models: 'Models',
      path: 'Path',
      load: 'Load',
      version: 'Version',
      standing: 'Standing',
    },
    paths: {
      self: 'this machine',
      direct: 'direct',
      relayed: 'through a relay',
      unknown: 'not connected',
    },
    standings: {
      newcomer: 'newcomer',
      proven: 'proven',
      suspect: 'suspect',
      quarantined: 'quarantined',
    },
    audits: (count: number): string => `${count} ${count === 1 ? 'audit' : 'audits'}`,
    introduces: 'introduces only',
    notSeen: 'not seen now',
    sharesNothing: 'shares nothing',
    idle: 'idle',
    busy: (running: number, slots: number): string => `${running} of ${slots} slots`,
    queued: (count: number): string => `${count} waiting`,
    facts: {
      models: 'Models',
      version: 'Version',
      reach: 'Reachability',
      connectedAt: 'Connected over',
      network: 'Network',
      receipts: 'Receipts of two weeks',
      id: 'Peer id',
      addresses: 'Addresses that it advertises',
    },
    unknownVersion: 'not told',
    reaches: {
      public: 'directly, over a public address',
      relayed: 'through a relay',
      lan: 'over a private address',
      unknown: 'not known yet',
    },
    receipts: (given: number, received: number): string =>
      `${given} for its answers, ${received} from it`,
    evidence: 'Standing, by weights',
    noEvidence: 'No answer of it was audited yet: it gets a newcomer’s share of requests.',
    figures: (strikes: number, quality: number, rate: number): string =>
      `${strikes} of 3 strikes · quality ${quality.toFixed(2)} of 1 · ${Math.round(rate * 100)} % of its next answers are audited`,
    marks: { denied: 'denied', trusted: 'trusted' },
    means: {
      denied: 'Your processes on this machine neither ask it nor serve it.',
      trusted:
        'It counts as proven until an audit fails, and your processes serve it before strangers.',
    },
    verbs: { deny: 'Deny', trust: 'Trust', forget: 'Forget its standing' },
    takeBack: { denied: 'Allow again', trusted: 'Trust no longer' },
    sure: {
      deny: 'Deny this peer? Your processes on this machine will neither ask it nor serve it: this one at once, others within 5 s. Answers that run end first. You can allow it again.',
      trust:
        'Trust this peer? It will count as proven, with 1 answer in 20 audited, until an audit fails. You can take that back.',
      forget:
        'Forget what audits found about this peer? It counts as new again. This cannot be undone.',
    },
    keep: 'Leave it',
    done: {
      deny: 'Denied, from the next request on.',
      trust: 'Trusted, from the next request on.',
      forget: 'Forgotten: it counts as new.',
      unmark: 'Taken back.',
    },
  },

  models: {
    title: 'Models here',
    intro: 'The models of this machine. A shared one answers for the whole swarm, and for you.',
    absent: {
      title: 'This process has no models of its own',
      text: 'A gateway only asks others. To share models of this machine, start this instead:',
      command: 'skein up',
    },
    none: {
      title: 'No model yet',
      text: 'Name one above: a GGUF file of Hugging Face, or an https URL. It is downloaded to this machine, and shared once you say so.',
    },
    pull: {
      label: 'Download a model',
      hint: 'hf:org/repo/file.gguf',
      ollamaHint: 'llama3.2:3b',
      submit: 'Download',
      stop: 'Stop',
      dismiss: 'Dismiss',
      of: (received: string, total: string): string => `${received} of ${total}`,
      progress: (source: string): string => `Download of ${source}`,
    },
    downloads: 'Downloads',
    columns: {
      model: 'Model',
      state: 'State',
      size: 'On disk',
      memory: 'In memory',
      actions: 'Actions',
    },
    states: {
      partial: 'partly downloaded',
      'on-disk': 'on disk',
      loading: 'loading',
      loaded: 'in memory',
      running: 'answering',
    },
    shared: 'shared',
    coldStart: (time: string): string => `ready after ${time}`,
    loading: (name: string): string => `Loading of ${name}`,
    verbs: {
      load: 'Load',
      unload: 'Unload',
      share: 'Share',
      unshare: 'Stop sharing',
      remove: 'Delete from disk',
    },
    remove: 'Delete …',
    removeModel: (name: string): string => `Delete ${name} …`,
    keep: 'Keep',
  },

  batches: {
    title: 'Batches',
    intro: 'Many requests from one file, answered as the swarm has time.',
    none: {
      title: 'No batch yet',
      text: 'Upload a file of requests, one JSON object a line, and create a batch of it with any OpenAI client. The upload by hand:',
      command: (origin: string): string =>
        `curl ${origin}/v1/files -F purpose=batch -F file=@requests.jsonl`,
    },
    columns: { batch: 'Batch', state: 'State', progress: 'Progress', results: 'Results' },
    progress: (id: string): string => `Progress of ${id}`,
    counts: (completed: number, total: number, failed: number): string =>
      `${completed} of ${total} answered${failed === 0 ? '' : `, ${failed} failed`}`,
    results: 'Results',
    failures: 'Failures',
  },

  keys: {
    title: 'Keys',
    intro: 'Who may use this gateway, and how much.',
    none: {
      title: 'No key is required yet',
      text: (url: string, isLocal: boolean): string =>
        `${isLocal ? 'Every program on this machine' : 'Everybody who reaches this machine'} can use ${url === '' ? 'this gateway' : url}. Once there is a key, every caller needs one, and so does this page: this tab keeps the first one.`,
    },
    name: 'Name',
    nameHint: 'of a person or a program',
    create: 'Create a key',
    limits: 'Limit what it may do',
    unlimitedFirst:
      'The first key has no limits, because the console opens only with a key without any.',
    fresh: {
      title: (name: string): string => `The key of ${name}`,
      text: 'Copy it now: only its hash is kept, and it cannot be shown again.',
      kept: 'This tab has it already.',
      done: 'I have copied it',
    },
    fields: {
      models: 'Models',
      modelsHint: 'every model; or names, separated by commas',
      requestsPerMinute: 'Requests a minute',
      tokensPerMinute: 'Tokens a minute',
      requestsPerDay: 'Requests a day',
      tokensPerDay: 'Tokens a day',
      budget: 'Budget in tokens',
      per: 'Budget for',
      priority: 'Priority',
      validDays: 'Days until it ends',
    },
    noLimit: 'no limit',
    gatewayLimit: 'the gateway’s',
    never: 'never',
    pers: { day: 'each day', month: 'each month', ever: 'once and for all' },
    priorities: { low: 'low', normal: 'normal', high: 'high' },
    priority: (priority: string): string => `${priority} priority`,
    opensConsole: 'opens the console',
    expired: 'expired',
    everything: 'Every model, within the gateway’s limits.',
    rights: {
      onlyMetrics: 'only the metrics',
      models: (names: string): string => `Only ${names}`,
      peers: (count: number): string => `only ${count} ${count === 1 ? 'peer' : 'peers'}`,
      providers: (names: string): string =>
        names === '' ? 'no provider' : `providers ${names} only`,
      requestsPerMinute: (count: string): string => `${count} requests a minute`,
      tokensPerMinute: (count: string): string => `${count} tokens a minute`,
      requestsPerDay: (count: string): string => `${count} requests a day`,
      tokensPerDay: (count: string): string => `${count} tokens a day`,
      budget: (count: string, per: string): string => `budget of ${count} tokens ${per}`,
      expires: (date: string): string => `until ${date}`,
    },
    change: 'Change',
    changeKey: (name: string): string => `Change the key of ${name}`,
    save: 'Save',
    cancel: 'Cancel',
    remove: 'Remove …',
    removeKey: (name: string): string => `Remove the key of ${name} …`,
    sure: (name: string): string =>
      `Remove the key of ${name}? Its requests are rejected from then on, and its running answers end. This cannot be undone.`,
    removeNow: 'Remove',
    keep: 'Keep it',
    byCommand:
      'Peers and providers of a key, and keys that read the metrics only, are set by command: skein gateway key change NAME --only-peer … --only-provider … --only-metrics',
  },

  join: {
    title: 'Join',
    intro: 'Run this on another machine. From then on it shares, asks, and survives with this one.',
    command: 'Command',
    invite: 'Invite',
    inviteText: 'The invite contains the key of this private swarm: give it to members only.',
    publicText:
      'This swarm is public: any peer that knows an address can join and ask. For machines of your own, start with --private.',
    code: 'The command as a QR code',
    addresses: 'Addresses of this machine',
    hidden: {
      title: 'The invite is in the terminal',
      text: 'The invite is the key of this private swarm, and without API keys every user of this machine could read it here. The process printed it at its start, in the terminal or the log of skein up. To see it here, create a key on the page Keys and open this page with it.',
    },
    none: {
      title: 'No address to reach',
      text: 'This process accepts no connections, so nothing can join through it. Start skein up instead.',
    },
    same: 'The same options join with skein node, gateway, ask and chat.',
    open: 'What is open to whom',
    doors: {
      models: (models: string, swarm: string): string =>
        models === ''
          ? 'This machine shares no model.'
          : `${models}: ${swarm === 'public' ? 'every peer that reaches this machine can ask, unless it is denied' : 'the members of this swarm can ask, unless they are denied'}.`,
      api: (url: string, isLocal: boolean, keys: number): string => {
        const who = isLocal ? 'programs on this machine' : 'everybody who reaches this machine'
        const proof = keys === 0 ? 'without a key' : `with one of ${keys} keys`
        return `API and playground at ${url}: ${who}, ${proof}.`
      },
      console: (keys: number): string =>
        keys === 0
          ? 'This console: browsers on this machine.'
          : 'This console: holders of a key without restrictions.',
    },
    reach: 'How others reach this machine',
    reaches: {
      public: 'Peers outside reach this machine.',
      forwarded: 'Peers outside reach this machine through a forwarded port.',
      relayed: 'Peers outside reach this machine through relays.',
      lan: 'Only peers of this network reach this machine.',
      unknown: 'No peer outside is known to reach this machine.',
    } as Readonly<Record<string, string>>,
  },

  log: {
    title: 'Log',
    intro: 'What this process reported, with what to do next.',
    none: 'Nothing was reported since the start.',
    noWarning: 'No warning since the start.',
    next: 'Where a warning does not say enough, run the doctor: it checks step by step what a request needs.',
    show: 'Lines to show',
    all: 'Everything',
    warnings: (count: number): string => `Warnings (${count})`,
    levels: { error: 'error', warn: 'warning', info: 'note' },
    doctor: 'Run the doctor',
    running: 'The doctor checks what a request needs …',
    findings: 'The doctor’s findings',
  },
} as const
