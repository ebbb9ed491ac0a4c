-- The actions of setpoint's resources, and which of them make sense now.

local suspended = obj.spec ~= nil and obj.spec.suspend == true
local status = obj.status or {}
local plan = status.plan or {}
local annotations = obj.metadata.annotations or {}

local approvable = false
for _, action in ipairs(plan.actions or {}) do
  if action.blockedBy == "Approval" then
    approvable = true
  end
end
if status.observedGeneration ~= obj.metadata.generation -- the plan of another spec
  or plan.digest == nil
  or plan.digest == ""
  or annotations["setpoint.dev/approve"] == plan.digest
  or suspended
then
  approvable = false
end

return {
  reconcile = { disabled = suspended, iconClass = "fa fa-fw fa-sync" },
  suspend = { disabled = suspended, iconClass = "fa fa-fw fa-pause" },
  resume = { disabled = not suspended, iconClass = "fa fa-fw fa-play" },
  approve = { disabled = not approvable, iconClass = "fa fa-fw fa-check" },
}
