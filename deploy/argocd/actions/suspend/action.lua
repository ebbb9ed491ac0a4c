-- Stop all work on the resource. Where Argo CD heals by itself, it is undone at once: set
-- spec.suspend in Git then.

obj.spec.suspend = true
return obj
