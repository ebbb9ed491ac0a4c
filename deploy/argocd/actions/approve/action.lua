-- Let exactly the plan through that status shows: the annotation names it by its digest.

if obj.status == nil or obj.status.plan == nil or (obj.status.plan.digest or "") == "" then
  error("there is no plan to approve")
end
if obj.metadata.annotations == nil then
  obj.metadata.annotations = {}
end
obj.metadata.annotations["setpoint.dev/approve"] = obj.status.plan.digest
return obj
