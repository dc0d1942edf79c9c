import { suiteOver } from "../suite.ts"

suiteOver("processes")
