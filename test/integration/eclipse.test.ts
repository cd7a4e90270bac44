import { describeEclipse } from './eclipse-suite.ts'

// `eclipse.slow.test.ts` has a hundred look-ups.
describeEclipse({ newcomers: 3, lookups: 12 })
