import { suiteOver } from "../suite.ts"

suiteOver("threads")
