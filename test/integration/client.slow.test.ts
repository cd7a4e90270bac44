import { describeManyRequests } from './many-requests-suite.ts'

describeManyRequests(1_000)
