import { Tinypool } from "tinypool"
import { likePiscina } from "./piscina.ts"

export const tinypool = likePiscina("tinypool", (options) => new Tinypool(options))
