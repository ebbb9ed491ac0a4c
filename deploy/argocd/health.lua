-- Health of setpoint's resources: ScalingPolicy, DBTuning and CacheTuning.
--
-- It says what kstatus says of them (Argo CD itself does not use kstatus): Healthy is Current,
-- Degraded is Failed, Progressing is InProgress. A resource that its owners paused is Suspended.
-- Trouble that setpoint retries by itself is Progressing; what only a person can mend is Degraded.
-- Findings never make a resource unhealthy: they are named in the message.

local function answer(status, message)
  return { status = status, message = message }
end

if obj.spec ~= nil and obj.spec.suspend == true then
  return answer("Suspended", "spec.suspend is true")
end

local status = obj.status or {}
if status.observedGeneration ~= obj.metadata.generation then
  return answer("Progressing", "Waiting for setpoint to look at this version of the spec")
end

local ready, findings, drifted
for _, condition in ipairs(status.conditions or {}) do
  if condition.type == "Reconciling" and condition.status == "True" then
    return answer("Progressing", condition.message)
  elseif condition.type == "Stalled" and condition.status == "True" then
    return answer("Degraded", condition.reason .. ": " .. condition.message)
  elseif condition.type == "Ready" then
    ready = condition
  elseif condition.type == "FindingsPresent" and condition.status == "True" then
    findings = condition
  elseif condition.type == "Drifted" and condition.status == "True" then
    drifted = condition
  end
end

if ready == nil then
  return answer("Progressing", "Waiting for the first reconcile")
end
if ready.status ~= "True" then
  return answer("Progressing", ready.reason .. ": " .. ready.message)
end

local message = ready.message
if drifted ~= nil then
  message = message .. "; differs from the spec: " .. drifted.message
end
if findings ~= nil then
  message = message .. "; findings: " .. findings.message
end
return answer("Healthy", message)
