/** Parts of the defence that a control run can lack. */
export type Defence =
  | 'audits'
  /** That newcomers get no more than their share once three peers are proven. */
  | 'held-newcomers'
  /** That all of a newcomer's first answers are audited. */
  | 'first-audits'
  /** That the cost of asking is divided by what is known of a peer. */
  | 'reputation-in-cost'
  | 'panel'
  | 'audit-floor'
  | 'three-strikes'
  | 'sequential-test'
  | 'design-effect'
  /** That the peers of one request are of other operators and networks. */
  | 'apart'
  | 'third-peer'
  | 'pace'
  | 'seeded-trust'
  | 'contributors-first'
  | 'strangers-floor'
  | 'allow-list'

export interface SimClientInit {
  readonly name: string
  readonly region?: string
  /** Where peers see it come from. @default one for all */
  readonly network?: string
  readonly policy?: 'hedge' | 'quorum'
  readonly without?: readonly Defence[]
  /** Length of every answer, if all have the same. Used by the control without the design effect. */
  readonly answerTokens?: number
}
