/** What Effect's rpc worker pool serves: items and results pass as they are, which is its cheapest codec. */
import * as Schema from "effect/Schema"
import * as Rpc from "effect/rpc/Rpc"
import * as RpcGroup from "effect/rpc/RpcGroup"

export class TaskRpcs extends RpcGroup.make(
  Rpc.make("run", { payload: { task: Schema.String, item: Schema.Any }, success: Schema.Any })
) {}
