# Everything about a function follows from its function.yaml.

locals {
  root  = "${path.module}/../.."
  files = fileset("${local.root}/functions", "*/*/function.yaml")
  read  = { for file in local.files : file => yamldecode(file("${local.root}/functions/${file}")) }

  functions = { for file, said in local.read : said.name => merge(
    { secrets = [], min_instances = 0, max_instances = 20 },
    said,
    { triggers = flatten([said.trigger]) },
  ) }

  http = { for name, said in local.functions : name => said if anytrue([for one in said.triggers : can(one.http)]) }

  # Name of each queue → its rates and the function that it wakes; with shards, one queue for each.
  queues = merge([for name, said in local.functions : merge([for one in said.triggers : {
    for queue in(can(one.queue.shards) ? [for n in range(one.queue.shards) : "${name}-${n}"] : [name]) :
    queue => merge(one.queue, { function = name, shard_of = name })
  } if can(one.queue)]...)]...)

  subscriptions = merge([for name, said in local.functions : {
    for one in said.triggers : "${name}-${one.topic.name}" => {
      function    = name
      topic       = one.topic.name
      dead_letter = try(one.topic.dead_letter, true)
      filter      = try(one.topic.filter, "")
    } if can(one.topic)
  }]...)

  schedules = merge([for name, said in local.functions : {
    for one in said.triggers : name => one.schedule if can(one.schedule)
  }]...)

  # The part of a role after the colon is the resource it is confined to.
  roles = flatten([for name, said in local.functions : [for text in said.roles : {
    function = name
    role     = split(":", text)[0]
    resource = try(split(":", text)[1], "")
    key      = "${name}/${text}"
  }]])

  packages = jsondecode(file("${local.root}/build/packages/index.json"))
  gateway  = jsondecode(file("${local.root}/build/gateway.json"))

  # An address that is known before the function is there, so that the gateway and the functions need not wait for each other.
  addresses = { for name in keys(local.functions) : name => "https://${var.region}-${var.project_id}.cloudfunctions.net/${name}" }
}
