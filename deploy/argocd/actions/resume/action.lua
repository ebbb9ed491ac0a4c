-- Take up work on the resource again.

obj.spec.suspend = false
return obj
