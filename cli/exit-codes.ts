/** Stable exit codes. */
export const EXIT = {
  ok: 0,
  failure: 1,
  usage: 2,
  noPeers: 3,
  modelNotFound: 4,
  deadline: 5,
  refused: 6,
  busy: 7,
  peersFailed: 8,
  interrupted: 130,
  terminated: 143,
} as const

export type ExitCode = (typeof EXIT)[keyof typeof EXIT]

/** `skein help exit-codes`, and the end of `skein --help`. */
export const EXIT_CODE_HELP = `Exit codes:
    0  success; a node or bootstrap peer has stopped on request
    1  something else failed; doctor: a step failed
    2  the command line is invalid
    3  no peers found
    4  no peer serves this model
    5  the deadline passed
    6  the request was refused: invalid, too long, or not allowed
    7  all peers are busy, still loading, or leaving
    8  peers failed: unreachable, silent, broken off, or a dead engine
  130  interrupted (Ctrl-C)
  143  terminated`
